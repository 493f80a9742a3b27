package org.minigpt.text;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.minigpt.util.MiniGptException;

/** Checks that tokens, merges and special tokens make a {@link BpeTokenizer}. */
final class BpeVocabulary {
    private static final int MAX_SHOWN = 40;

    private final Function<String, MiniGptException> complaint;
    private final Map<String, Integer> ids = new HashMap<>();
    private final Map<String, Integer> specials = new HashMap<>();

    /** @param complaint makes a sentence of what is wrong, a clause that begins in lower case and has no full stop */
    BpeVocabulary(Function<String, MiniGptException> complaint) {
        this.complaint = complaint;
    }

    /** Arguments as {@link BpeTokenizer#of(List, List, List)} has them. */
    BpeTokenizer check(List<String> vocabulary, List<String> merges, List<String> specialTokens) {
        byte[][] tokens = tokens(vocabulary, new HashSet<>(specialTokens));
        for (String token : specialTokens) {
            if (!specials.containsKey(token)) {
                throw complaint.apply("the special token " + shown(token) + " is not in the vocabulary");
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
                throw complaint.apply("the merge " + shown(merge) + " is not two tokens with a space between");
            }
            String first = merge.substring(0, space);
            String second = merge.substring(space + 1);
            left[rank] = id(first, merge);
            right[rank] = id(second, merge);
            merged[rank] = id(first + second, merge);
            if (!pairs.add((long) left[rank] << Integer.SIZE | right[rank])) {
                throw complaint.apply("the merge " + shown(merge) + " is there twice");
            }
        }
        return BpeTokenizer.of(tokens, left, right, merged, specials);
    }

    private byte[][] tokens(List<String> vocabulary, Set<String> special) {
        byte[][] tokens = new byte[vocabulary.size()][];
        for (int id = 0; id < tokens.length; id++) {
            String token = vocabulary.get(id);
            if (token.isEmpty()) {
                throw complaint.apply("the token " + id + " is empty");
            }
            boolean isSpecial = special.contains(token);
            if ((isSpecial ? specials : ids).put(token, id) != null) {
                throw complaint.apply("the token " + shown(token) + " is there twice");
            }
            tokens[id] = isSpecial ? token.getBytes(UTF_8) : bytes(token);
            if (isSpecial && !new String(tokens[id], UTF_8).equals(token)) {
                throw complaint.apply("the special token " + shown(token) + " holds half of a surrogate pair");
            }
        }
        if (ids.isEmpty()) {
            throw complaint.apply("the vocabulary is empty");
        }
        return tokens;
    }

    private int id(String token, String merge) {
        Integer id = ids.get(token);
        if (id == null) {
            throw complaint.apply("the merge " + shown(merge) + " needs the token " + shown(token)
                    + ", which is not in the vocabulary");
        }
        return id;
    }

    private byte[] bytes(String token) {
        return ByteAlphabet.bytes(token)
                .orElseThrow(() -> complaint.apply("the token " + shown(token)
                        + " is neither special nor written in GPT-2's characters for bytes"));
    }

    static String shown(String text) {
        StringBuilder shown = new StringBuilder();
        text.codePoints().limit(MAX_SHOWN).forEach(c -> {
            if (c == ' ' || CodePoints.isPrintable(c)) {
                shown.appendCodePoint(c);
            } else {
                shown.append(String.format("\\u%04x", c));
            }
        });
        return '"' + shown.toString() + (text.codePointCount(0, text.length()) > MAX_SHOWN ? "..." : "") + '"';
    }
}
