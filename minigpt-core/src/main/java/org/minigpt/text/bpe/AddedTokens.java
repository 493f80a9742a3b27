package org.minigpt.text.bpe;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import org.minigpt.text.AddedToken;

/** Finds the {@link AddedToken}s in a text. */
final class AddedTokens {
    /** Takes what a text consists of, in order. */
    interface Sink {
        /** Takes what lies between added tokens, at least one character. */
        void ordinary(int from, int to);

        void added(int id);
    }

    private final List<AddedToken> all;
    private final List<AddedToken> first;
    private final List<AddedToken> normalized;
    /** Those that hold white space after something else, where {@link SplitPattern#lastCut} could cut them. */
    private final List<String> cuttable;

    /** @param tokens with no text twice, and none empty */
    AddedTokens(Collection<AddedToken> tokens) {
        all = tokens.stream().sorted(Comparator.comparingInt(AddedToken::id)).toList();
        first = all.stream().filter(token -> !token.normalized()).toList();
        normalized = all.stream().filter(AddedToken::normalized).toList();
        cuttable = all.stream()
                .map(AddedToken::text)
                .filter(text -> SplitPattern.lastCut(text, 0, text.length()) > 0)
                .toList();
    }

    /** @return the tokens by ascending id */
    List<AddedToken> all() {
        return all;
    }

    /**
     * Cuts a text at the added tokens in it: always at the first, and of those that begin there at the longest. Those
     * that are {@linkplain AddedToken#normalized normalized} are looked for in what the others leave.
     */
    void split(String text, Sink sink) {
        split(text, first, new Sink() {
            @Override
            public void ordinary(int from, int to) {
                splitRest(text, from, to, sink);
            }

            @Override
            public void added(int id) {
                sink.added(id);
            }
        });
    }

    private void splitRest(String text, int offset, int to, Sink sink) {
        if (normalized.isEmpty()) {
            sink.ordinary(offset, to);
            return;
        }
        split(text.substring(offset, to), normalized, new Sink() {
            @Override
            public void ordinary(int from, int to) {
                sink.ordinary(offset + from, offset + to);
            }

            @Override
            public void added(int id) {
                sink.added(id);
            }
        });
    }

    private static void split(String text, List<AddedToken> tokens, Sink sink) {
        int[] found = new int[tokens.size()]; // where each comes next
        for (int i = 0; i < found.length; i++) {
            found[i] = text.indexOf(tokens.get(i).text());
        }
        int at = 0;
        for (int next = first(tokens, found); next >= 0; next = first(tokens, found)) {
            int begin = found[next];
            if (begin > at) {
                sink.ordinary(at, begin);
            }
            sink.added(tokens.get(next).id());
            at = begin + tokens.get(next).text().length();
            for (int i = 0; i < found.length; i++) {
                if (found[i] >= 0 && found[i] < at) {
                    found[i] = text.indexOf(tokens.get(i).text(), at);
                }
            }
        }
        if (at < text.length()) {
            sink.ordinary(at, text.length());
        }
    }

    private static int first(List<AddedToken> tokens, int[] found) {
        int best = -1;
        for (int i = 0; i < found.length; i++) {
            boolean better = best < 0
                    || found[i] < found[best]
                    || found[i] == found[best]
                            && tokens.get(i).text().length()
                                    > tokens.get(best).text().length();
            if (found[i] >= 0 && better) {
                best = i;
            }
        }
        return best;
    }

    /** @return {@link SplitPattern#lastCut} that cuts no added token, nor the beginning of one at the end of the text */
    int lastCut(String text) {
        int cut = SplitPattern.lastCut(text, 0, text.length());
        for (int begin = cut > 0 ? cutToken(text, cut) : -1; begin >= 0; begin = cut > 0 ? cutToken(text, cut) : -1) {
            cut = SplitPattern.lastCut(text, 0, begin + 1);
        }
        return cut;
    }

    /** @return where a token begins, or could with what follows, that goes across a place; or -1 */
    private int cutToken(String text, int cut) {
        for (String token : cuttable) {
            for (int begin = Math.max(0, cut - token.length() + 1); begin < cut; begin++) {
                if (text.regionMatches(begin, token, 0, Math.min(token.length(), text.length() - begin))) {
                    return begin;
                }
            }
        }
        return -1;
    }
}
