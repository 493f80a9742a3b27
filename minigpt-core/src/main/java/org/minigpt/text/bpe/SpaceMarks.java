package org.minigpt.text.bpe;

import java.util.regex.Pattern;
import org.minigpt.text.bpe.BpeRules.Metaspace;

/** Writes the spaces of a text as {@link Metaspace} says, and cuts it into pieces. */
final class SpaceMarks {
    static final char MARK = '\u2581';
    private static final String ONE = String.valueOf(MARK);

    /** Its bytes in UTF-8: E2 96 81. */
    private static final int MARK_BYTES = 3;

    private static final Pattern SEVERAL = Pattern.compile(" {2,}");
    private static final Pattern OUTER = Pattern.compile("\\A +| +\\z");

    private final Metaspace rule;
    /** Whether no token has a mark after something else, so that a text may be cut before marks. */
    private final boolean cuts;

    SpaceMarks(Metaspace rule, boolean cuts) {
        this.rule = rule;
        this.cuts = cuts;
    }

    /** What is done before added tokens that are normalized are looked for. */
    String normalize(String text) {
        String collapsed = text;
        if (rule.collapses()) {
            collapsed = SEVERAL.matcher(OUTER.matcher(text).replaceAll("")).replaceAll(" ");
        }
        return rule.prefix() == Metaspace.Prefix.LEGACY && !collapsed.isEmpty() ? ONE + mark(collapsed) : collapsed;
    }

    private static String mark(String text) {
        return text.replace(' ', MARK);
    }

    /**
     * What is done to a text between added tokens.
     *
     * @param start whether it is the beginning of all
     */
    String mark(String text, boolean start) {
        String marked = mark(text);
        boolean prefix = switch (rule.prefix()) {
            case NEVER, LEGACY -> false;
            case FIRST -> start;
            case ALWAYS -> true;
        };
        return prefix && !marked.startsWith(ONE) ? ONE + marked : marked;
    }

    /** @return where the piece ends that begins at a place before the end */
    int pieceEnd(byte[] text, int at, int end) {
        if (!rule.splits() && !cuts) {
            return end;
        }
        int next = at;
        while (isMark(text, next, end) && (next == at || !rule.splits())) {
            next += MARK_BYTES;
        }
        while (next < end && !isMark(text, next, end)) {
            next++;
        }
        return next;
    }

    private static boolean isMark(byte[] text, int at, int end) {
        return at + MARK_BYTES <= end
                && text[at] == (byte) 0xE2
                && text[at + 1] == (byte) 0x96
                && text[at + 2] == (byte) 0x81;
    }
}
