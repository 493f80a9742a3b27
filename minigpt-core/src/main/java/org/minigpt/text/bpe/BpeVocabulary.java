package org.minigpt.text.bpe;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.minigpt.MiniGptException;
import org.minigpt.internal.text.ByteAlphabet;
import org.minigpt.text.AddedToken;
import org.minigpt.text.CodePoints;

/** Checks that tokens, merges and added tokens make a {@link BpeTokenizer}. */
final class BpeVocabulary {
    private final Function<String, MiniGptException> complaint;
    private final Map<String, Integer> ids = new HashMap<>();

    /** @param complaint makes a sentence of what is wrong, a clause that begins in lower case and has no full stop */
    BpeVocabulary(Function<String, MiniGptException> complaint) {
        this.complaint = complaint;
    }

    /**
     * @return whether an added token is an ordinary one, too, if merges make it or it is a byte: the bytes of its text are
     *     written as that
     */
    static boolean isOrdinaryToo(String added) {
        return ByteAlphabet.show(added.getBytes(UTF_8)).equals(added);
    }

    /** Arguments as {@link BpeTokenizer#ofAdded} has them. */
    BpeTokenizer check(List<String> vocabulary, List<String> merges, List<AddedToken> added) {
        Set<String> addedTexts = added.stream().map(AddedToken::text).collect(Collectors.toSet());
        byte[][] tokens = tokens(vocabulary, addedTexts);
        for (AddedToken token : added) {
            boolean there = token.id() >= 0
                    && token.id() < tokens.length
                    && vocabulary.get(token.id()).equals(token.text());
            if (!there) {
                throw complaint.apply(
                        "the special token " + CodePoints.quoted(token.text()) + " is not in the vocabulary");
            }
        }
        int[] left = new int[merges.size()];
        int[] right = new int[merges.size()];
        int[] merged = new int[merges.size()];
        Set<Long> pairs = new HashSet<>();
        for (int rank = 0; rank < left.length; rank++) {
            String merge = merges.get(rank);
            int space = merge.indexOf(' ');
            if (space < 0 || merge.indexOf(' ', space + 1) >= 0) {
                throw complaint.apply(
                        "the merge " + CodePoints.quoted(merge) + " is not two tokens with a space between");
            }
            String first = merge.substring(0, space);
            String second = merge.substring(space + 1);
            left[rank] = id(first, merge);
            right[rank] = id(second, merge);
            merged[rank] = id(first + second, merge);
            if (!pairs.add((long) left[rank] << Integer.SIZE | right[rank])) {
                throw complaint.apply("the merge " + CodePoints.quoted(merge) + " is there twice");
            }
        }
        requireBytes(vocabulary, left, right, merged);
        return BpeTokenizer.of(tokens, left, right, merged, added);
    }

    private byte[][] tokens(List<String> vocabulary, Set<String> added) {
        byte[][] tokens = new byte[vocabulary.size()][];
        Set<String> known = new HashSet<>();
        for (int id = 0; id < tokens.length; id++) {
            String token = vocabulary.get(id);
            if (token.isEmpty()) {
                throw complaint.apply("the token " + id + " is empty");
            }
            if (!known.add(token)) {
                throw complaint.apply("the token " + CodePoints.quoted(token) + " is there twice");
            }
            boolean isAdded = added.contains(token);
            tokens[id] = isAdded ? token.getBytes(UTF_8) : bytes(token);
            if (isAdded && !new String(tokens[id], UTF_8).equals(token)) {
                throw complaint.apply(
                        "the special token " + CodePoints.quoted(token) + " holds half of a surrogate pair");
            }
            if (!isAdded || isOrdinaryToo(token)) {
                ids.put(token, id);
            }
        }
        if (added.containsAll(known)) {
            throw complaint.apply("the vocabulary is empty");
        }
        return tokens;
    }

    /** Merges of other things than bytes could be read, too, but would join nothing, and a text would fall to pieces. */
    private void requireBytes(List<String> vocabulary, int[] left, int[] right, int[] merged) {
        BitSet made = new BitSet();
        for (int id : merged) {
            made.set(id);
        }
        for (int rank = 0; rank < merged.length; rank++) {
            for (int id : new int[] {left[rank], right[rank]}) {
                String token = vocabulary.get(id);
                if (!made.get(id) && (token.endsWith("</w>") || token.endsWith("@@"))) {
                    throw complaint.apply(
                            "the token " + CodePoints.quoted(token) + " is not of bytes but of a word's end or inside,"
                                    + " as in the vocabularies of CLIP and of the first GPT, which MiniGPT does not read");
                }
            }
        }
    }

    private int id(String token, String merge) {
        Integer id = ids.get(token);
        if (id == null) {
            throw complaint.apply("the merge " + CodePoints.quoted(merge) + " needs the token "
                    + CodePoints.quoted(token) + ", which is not in the vocabulary");
        }
        return id;
    }

    private byte[] bytes(String token) {
        return ByteAlphabet.bytes(token)
                .orElseThrow(() -> complaint.apply("the token " + CodePoints.quoted(token)
                        + " is neither special nor written in GPT-2's characters for bytes"));
    }
}
