package org.minigpt.text.bpe;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.minigpt.MiniGptException;
import org.minigpt.internal.text.ByteAlphabet;
import org.minigpt.text.CodePoints;
import org.minigpt.text.Tokenizer.AddedToken;
import org.minigpt.text.bpe.BpeRules.SplitRule;

/** Checks that tokens, merges and added tokens make a {@link BpeTokenizer}. */
final class BpeVocabulary {
    private final Function<String, MiniGptException> complaint;
    private final BpeRules rules;
    private final Map<String, Integer> ids = new HashMap<>();

    /** @param complaint makes a sentence of what is wrong, a clause that begins in lower case and has no full stop */
    BpeVocabulary(Function<String, MiniGptException> complaint, BpeRules rules) {
        this.complaint = complaint;
        this.rules = rules;
    }

    /**
     * @return whether an added token is an ordinary one, too, if merges make it or it is a byte: the bytes of its text are
     *     written as that
     */
    static boolean isOrdinaryToo(String added) {
        return ByteAlphabet.show(added.getBytes(UTF_8)).equals(added);
    }

    /** Arguments as {@link BpeTokenizer#of} has them. */
    BpeParts check(List<String> vocabulary, List<String> merges, List<AddedToken> added) {
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
        requireRules(tokens.length);
        Merges parsed = merges(merges);
        if (rules.metaspace().isEmpty()) {
            requireBytes(vocabulary, parsed);
            return BpeParts.ofBytes(tokens, parsed.left, parsed.right, parsed.merged, added, rules);
        }
        byte[][] written =
                vocabulary.stream().map(token -> token.getBytes(UTF_8)).toArray(byte[][]::new);
        return new BpeParts(tokens, written, parsed.left, parsed.right, parsed.merged, added, rules);
    }

    private void requireRules(int vocabSize) {
        IntStream unknown = rules.metaspace().stream().flatMapToInt(metaspace -> metaspace.unknown().stream());
        IntStream around =
                Stream.concat(rules.before().stream(), rules.after().stream()).mapToInt(Integer::intValue);
        IntStream.concat(unknown, around)
                .filter(id -> id < 0 || id >= vocabSize)
                .forEach(id -> {
                    throw complaint.apply(
                            "the token " + id + " for the unknown, or for around a text, is not in the vocabulary");
                });
        try {
            new Splitter(rules.splits());
        } catch (IllegalArgumentException | StackOverflowError e) { // of which a PatternSyntaxException is one
            String pattern = rules.splits().stream().map(SplitRule::regex).collect(Collectors.joining(", "));
            throw complaint.apply("the pattern " + CodePoints.quoted(pattern)
                    + " that a text is split by is none, or one that MiniGPT does not know to read");
        }
    }

    private record Merges(int[] left, int[] right, int[] merged) {}

    /** Of merges that are there twice the later one counts, as in Hugging Face's tokenizers. */
    private Merges merges(List<String> merges) {
        Set<String> known = new HashSet<>();
        List<String> last = new ArrayList<>();
        for (int rank = merges.size() - 1; rank >= 0; rank--) {
            if (known.add(merges.get(rank))) {
                last.add(merges.get(rank));
            }
        }
        Collections.reverse(last);
        int[] left = new int[last.size()];
        int[] right = new int[last.size()];
        int[] merged = new int[last.size()];
        for (int rank = 0; rank < left.length; rank++) {
            String merge = last.get(rank);
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
        }
        return new Merges(left, right, merged);
    }

    private byte[][] tokens(List<String> vocabulary, Set<String> added) {
        byte[][] tokens = new byte[vocabulary.size()][];
        Set<String> known = new HashSet<>();
        for (int id = 0; id < tokens.length; id++) {
            String token = vocabulary.get(id);
            if (!token.isEmpty() && !known.add(token)) {
                throw complaint.apply("the token " + CodePoints.quoted(token) + " is there twice");
            }
            boolean isAdded = added.contains(token);
            tokens[id] = isAdded ? token.getBytes(UTF_8) : bytes(token);
            if (isAdded && !new String(tokens[id], UTF_8).equals(token)) {
                throw complaint.apply(
                        "the special token " + CodePoints.quoted(token) + " holds half of a surrogate pair");
            }
            if (!token.isEmpty() && (!isAdded || rules.metaspace().isPresent() || isOrdinaryToo(token))) {
                ids.put(token, id);
            }
        }
        if (added.containsAll(known)) {
            throw complaint.apply("the vocabulary is empty");
        }
        return tokens;
    }

    /** Merges of other things than bytes could be read, too, but would join nothing, and a text would fall to pieces. */
    private void requireBytes(List<String> vocabulary, Merges merges) {
        BitSet made = new BitSet();
        for (int id : merges.merged) {
            made.set(id);
        }
        for (int rank = 0; rank < merges.merged.length; rank++) {
            for (int id : new int[] {merges.left[rank], merges.right[rank]}) {
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
        if (rules.metaspace().isPresent()) {
            int octet = rules.hasByteFallback() ? SentencePieces.octet(token) : -1;
            return octet >= 0
                    ? new byte[] {(byte) octet}
                    : token.replace(SpaceMarks.MARK, ' ').getBytes(UTF_8);
        }
        return ByteAlphabet.bytes(token)
                .orElseThrow(() -> complaint.apply("the token " + CodePoints.quoted(token)
                        + " is neither special nor written in GPT-2's characters for bytes"));
    }
}
