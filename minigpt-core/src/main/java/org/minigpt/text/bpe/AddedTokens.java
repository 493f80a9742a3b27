package org.minigpt.text.bpe;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.minigpt.text.Tokenizer.AddedToken;

/** Finds the {@link AddedToken}s in a text. */
final class AddedTokens {
    /** Takes what a text consists of, in order. */
    interface Sink {
        /**
         * Takes what lies between added tokens, at least one character.
         *
         * @param text the text, or what the normalizer has made of a part of it
         * @param start whether it is the beginning of all
         */
        void ordinary(String text, int from, int to, boolean start);

        void added(int id);
    }

    /** Where a text may be cut, as {@link SplitPattern#lastCut}. */
    interface Cut {
        int last(CharSequence text, int from, int to);
    }

    private final List<AddedToken> all;
    private final Finder first;
    private final Finder normalized;
    /** What is done to the rest before the normalized ones are looked for; null for nothing. */
    private final UnaryOperator<String> normalizer;

    private final Cut cut;
    /** Those that hold white space after something else, where {@link #cut} could cut them, or take it. */
    private final List<AddedToken> cuttable;

    /** Those of a tokenizer that is GPT-2's but for them. */
    AddedTokens(Collection<AddedToken> tokens) {
        this(tokens, null, (text, from, to) -> SplitPattern.lastCut(text, from, to, true));
    }

    /** @param tokens with no text twice, and none empty */
    AddedTokens(Collection<AddedToken> tokens, UnaryOperator<String> normalizer, Cut cut) {
        all = tokens.stream().sorted(Comparator.comparingInt(AddedToken::id)).toList();
        this.normalizer = normalizer;
        this.cut = cut;
        first = new Finder(all.stream().filter(token -> !token.normalized()).toList(), AddedToken::text);
        normalized = new Finder(
                all.stream().filter(AddedToken::normalized).toList(),
                token -> normalizer == null ? token.text() : normalizer.apply(token.text()));
        cuttable = all.stream()
                .filter(token -> token.rstrip()
                        || SplitPattern.lastCut(token.text(), 0, token.text().length(), true) > 0)
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
        first.split(text, 0, text.length(), true, new Sink() {
            @Override
            public void ordinary(String same, int from, int to, boolean start) {
                if (normalizer == null) {
                    normalized.split(text, from, to, start, sink);
                } else {
                    String rest = normalizer.apply(text.substring(from, to));
                    normalized.split(rest, 0, rest.length(), start, sink);
                }
            }

            @Override
            public void added(int id) {
                sink.added(id);
            }
        });
    }

    /** Finds some tokens, by the first characters of their texts. */
    private static final class Finder {
        private record Entry(String text, AddedToken token) {}

        /** The longest first. */
        private final Map<Character, List<Entry>> entries = new HashMap<>();
        /** The one character that all begin with, or -1. */
        private final int only;

        Finder(List<AddedToken> tokens, Function<AddedToken, String> texts) {
            Map<Character, List<Entry>> found = new HashMap<>();
            for (AddedToken token : tokens) {
                String text = texts.apply(token);
                if (!text.isEmpty()) {
                    found.computeIfAbsent(text.charAt(0), c -> new ArrayList<>())
                            .add(new Entry(text, token));
                }
            }
            found.forEach((c, list) -> entries.put(
                    c,
                    list.stream()
                            .sorted(Comparator.comparingInt(
                                    (Entry entry) -> -entry.text().length()))
                            .toList()));
            only = entries.size() == 1 ? entries.keySet().iterator().next() : -1;
        }

        void split(String text, int from, int to, boolean start, Sink sink) {
            int at = from; // before it all is handed on
            int search = from;
            while (search < to && !entries.isEmpty()) {
                int begin = only < 0 ? search : text.indexOf(only, search);
                if (begin < 0 || begin >= to) {
                    break;
                }
                Entry entry = entryAt(text, begin, to);
                if (entry == null) {
                    search = begin + 1;
                    continue;
                }
                int end = begin + entry.text.length();
                search = end;
                AddedToken token = entry.token;
                if (token.singleWord()
                        && (begin > from && isWord(text.codePointBefore(begin))
                                || end < to && isWord(text.codePointAt(end)))) {
                    continue;
                }
                while (token.lstrip() && begin > at && SplitPattern.isSpace(text.charAt(begin - 1))) {
                    begin--;
                }
                while (token.rstrip() && end < to && SplitPattern.isSpace(text.charAt(end))) {
                    end++;
                }
                if (begin > at) {
                    sink.ordinary(text, at, begin, start && at == from);
                }
                sink.added(token.id());
                at = end;
                search = end;
            }
            if (at < to) {
                sink.ordinary(text, at, to, start && at == from);
            }
        }

        private Entry entryAt(String text, int begin, int to) {
            for (Entry entry : entries.getOrDefault(text.charAt(begin), List.of())) {
                if (begin + entry.text.length() <= to && text.startsWith(entry.text, begin)) {
                    return entry;
                }
            }
            return null;
        }

        /** Unicode's {@code \w}: Technical Standard 18, annex C. */
        private static boolean isWord(int c) {
            return Character.isAlphabetic(c)
                    || switch (Character.getType(c)) {
                        case Character.NON_SPACING_MARK,
                                Character.ENCLOSING_MARK,
                                Character.COMBINING_SPACING_MARK,
                                Character.DECIMAL_DIGIT_NUMBER,
                                Character.CONNECTOR_PUNCTUATION -> true;
                        default -> c == 0x200C || c == 0x200D;
                    };
        }
    }

    /** @return the last {@link Cut} that cuts no added token, nor the beginning of one at the end of the text */
    int lastCut(String text) {
        int last = cut.last(text, 0, text.length());
        for (int begin = last > 0 ? cutToken(text, last) : -1;
                begin >= 0;
                begin = last > 0 ? cutToken(text, last) : -1) {
            last = cut.last(text, 0, begin + 1);
        }
        return last;
    }

    /** @return where a token begins, or could with what follows, that goes across a place or takes what is there; or -1 */
    private int cutToken(String text, int place) {
        for (AddedToken token : cuttable) {
            String shown = token.text();
            for (int begin = Math.max(0, place - shown.length()); begin < place; begin++) {
                int length = Math.min(shown.length(), text.length() - begin);
                boolean across = begin + shown.length() > place || token.rstrip();
                if (across && text.regionMatches(begin, shown, 0, length)) {
                    return begin;
                }
            }
        }
        return -1;
    }
}
