package org.minigpt.text.bpe;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.minigpt.MiniGptException;
import org.minigpt.text.bpe.BpeRules.SplitRule;

/**
 * Cuts a text into pieces by {@link SplitRule}s, with {@code java.util.regex} as Oniguruma would: its classes of characters
 * are Unicode's, {@code ^} and {@code $} are a line's, and a line ends at {@code \n} alone. What lies outside of a piece is not
 * seen from inside. GPT-2's rule as the last is done by {@link SplitPattern}.
 */
final class Splitter {
    /** Takes pieces, of at least one byte. */
    interface Sink {
        void piece(byte[] text, int from, int to);
    }

    private static final int FLAGS = Pattern.UNICODE_CHARACTER_CLASS | Pattern.MULTILINE | Pattern.UNIX_LINES;
    /** A script or a property by its name, such as {@code \p{Han}}, for which Java wants {@code \p{IsHan}}. */
    private static final Pattern PROPERTY = Pattern.compile("(\\\\[pP])\\{(?!Is)([A-Z][a-z]{2,}[A-Za-z_]*)\\}");
    /** What means another thing in Java: classes of its own, a counted repetition that is repeated. */
    private static final Pattern OTHERWISE = Pattern.compile("(?<!\\\\)(\\\\\\\\)*(\\\\[hHRXKGZ]|\\{\\d*,?\\d*\\}\\+)");

    private final List<SplitRule> rules;
    private final List<Pattern> patterns = new ArrayList<>();
    private final boolean gpt2Last;

    /** @throws PatternSyntaxException if a rule is none, or means another thing in Java */
    Splitter(List<SplitRule> rules) {
        this.rules = rules;
        gpt2Last = !rules.isEmpty() && rules.get(rules.size() - 1).equals(SplitRule.GPT2);
        for (SplitRule rule : rules.subList(0, rules.size() - (gpt2Last ? 1 : 0))) {
            if (OTHERWISE.matcher(rule.regex()).find()) {
                throw new PatternSyntaxException("means another thing in Java", rule.regex(), -1);
            }
            patterns.add(Pattern.compile(PROPERTY.matcher(rule.regex()).replaceAll("$1{Is$2}"), FLAGS));
        }
    }

    /** @return whether it is GPT-2's rule alone */
    boolean isGpt2() {
        return gpt2Last && patterns.isEmpty();
    }

    /** {@link SplitPattern#lastCut} for these rules: pieces of other ones than GPT-2's may end with new lines. */
    int lastCut(CharSequence text, int from, int to) {
        if (isGpt2()) {
            return SplitPattern.lastCut(text, from, to, true);
        }
        return SplitRule.isCutAtSpaces(rules.toArray(SplitRule[]::new))
                ? SplitPattern.lastCut(text, from, to, false)
                : from;
    }

    /** @throws MiniGptException if a rule is one for which Java's regular expressions run out of stack */
    void split(String text, Sink sink) {
        try {
            new Pass(text, sink).split(0, 0, text.length());
        } catch (StackOverflowError e) {
            throw new MiniGptException(
                    "A pattern that this tokenizer splits a text by, of " + rules + ", runs out of stack on a text of "
                            + text.length() + " characters: encode the text in parts.",
                    e);
        }
    }

    /** The way through one text. */
    private final class Pass {
        private final String text;
        private final byte[] bytes;
        private final Sink sink;
        private final List<Matcher> matchers;
        /** A place in the text, and the same among the bytes. */
        private int charAt;

        private int byteAt;

        Pass(String text, Sink sink) {
            this.text = text;
            this.sink = sink;
            bytes = text.getBytes(UTF_8);
            matchers = patterns.stream().map(pattern -> pattern.matcher(text)).toList();
        }

        void split(int step, int from, int to) {
            if (from == to) {
                return;
            }
            if (step == matchers.size()) {
                piece(from, to);
                return;
            }
            Matcher matcher = matchers.get(step).region(from, to);
            int at = from;
            while (matcher.find()) {
                if (!rules.get(step).dropsRest()) {
                    split(step + 1, at, matcher.start());
                }
                split(step + 1, matcher.start(), matcher.end());
                at = matcher.end();
            }
            if (!rules.get(step).dropsRest()) {
                split(step + 1, at, to);
            }
        }

        private void piece(int from, int to) {
            int at = byteAt(from);
            int end = byteAt(to);
            while (at < end) {
                int next = gpt2Last ? SplitPattern.pieceEnd(bytes, at, end) : end;
                sink.piece(bytes, at, next);
                at = next;
            }
        }

        private int byteAt(int index) {
            while (charAt < index) {
                int c = text.codePointAt(charAt);
                charAt += Character.charCount(c);
                boolean one = c < 0x80 || c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE;
                byteAt += one ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
            }
            return byteAt;
        }
    }
}
