package org.minigpt.text;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;

/** Tokens that stand for what they are called, as {@code <|endoftext|>}: found in a text before it is split. */
final class SpecialTokens {
    /** Takes what a text consists of, in order. */
    interface Sink {
        /** Takes what lies between special tokens, at least one character. */
        void ordinary(int from, int to);

        void special(int id);
    }

    private final Map<String, Integer> ids;
    private final String[] texts;
    /** Those that hold white space after something else, where {@link SplitPattern#lastCut} could cut them. */
    private final String[] cuttable;

    /** @param ids of the texts, none empty */
    SpecialTokens(Map<String, Integer> ids) {
        Map<Integer, String> ordered = new TreeMap<>();
        ids.forEach((text, id) -> ordered.put(id, text));
        this.ids = new LinkedHashMap<>();
        ordered.forEach((id, text) -> this.ids.put(text, id));
        texts = ordered.values().toArray(String[]::new);
        cuttable = ordered.values().stream()
                .filter(text -> SplitPattern.lastCut(text, 0, text.length()) > 0)
                .toArray(String[]::new);
    }

    /** @return the ids of the texts, ascending */
    Map<String, Integer> ids() {
        return ids;
    }

    /** Cuts a text at the special tokens in it: always at the first, and of those that begin there at the longest. */
    void split(String text, Sink sink) {
        int[] found = new int[texts.length]; // where each comes next
        for (int i = 0; i < texts.length; i++) {
            found[i] = text.indexOf(texts[i]);
        }
        int at = 0;
        for (int next = first(found); next >= 0; next = first(found)) {
            int begin = found[next];
            if (begin > at) {
                sink.ordinary(at, begin);
            }
            sink.special(ids.get(texts[next]));
            at = begin + texts[next].length();
            for (int i = 0; i < texts.length; i++) {
                if (found[i] >= 0 && found[i] < at) {
                    found[i] = text.indexOf(texts[i], at);
                }
            }
        }
        if (at < text.length()) {
            sink.ordinary(at, text.length());
        }
    }

    private int first(int[] found) {
        int best = -1;
        for (int i = 0; i < found.length; i++) {
            boolean better = best < 0
                    || found[i] < found[best]
                    || found[i] == found[best] && texts[i].length() > texts[best].length();
            if (found[i] >= 0 && better) {
                best = i;
            }
        }
        return best;
    }

    /** @return {@link SplitPattern#lastCut} that cuts no special token, nor the beginning of one at the end of the text */
    int lastCut(String text) {
        int cut = SplitPattern.lastCut(text, 0, text.length());
        for (int begin = cut > 0 ? cutToken(text, cut) : -1; begin >= 0; begin = cut > 0 ? cutToken(text, cut) : -1) {
            cut = SplitPattern.lastCut(text, 0, begin + 1);
        }
        return cut;
    }

    /** @return where a token begins, or could with what follows, that goes across a place; or -1 */
    private int cutToken(String text, int cut) {
        for (String special : cuttable) {
            for (int begin = Math.max(0, cut - special.length() + 1); begin < cut; begin++) {
                if (text.regionMatches(begin, special, 0, Math.min(special.length(), text.length() - begin))) {
                    return begin;
                }
            }
        }
        return -1;
    }
}
