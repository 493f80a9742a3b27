package org.minigpt.text.bpe;

/**
 * GPT-2's split of a text into pieces, within which tokens are merged, never across. It is what its pattern
 *
 * <pre>{@code 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+}</pre>
 *
 * finds with Unicode's classes of characters, by hand and on UTF-8: {@code java.util.regex} takes ten times as long. A
 * byte that belongs to no character counts as one that is neither letter, number nor white space.
 *
 * <p>Which characters are letters and numbers is for the running JDK's version of Unicode to say.
 */
final class SplitPattern {
    private static final int OTHER = 0;
    private static final int LETTER = 1;
    private static final int NUMBER = 2;
    private static final int SPACE = 3;

    private static final int KIND = 3; // the bits of the kind; the rest is the length in bytes
    private static final int LENGTH_SHIFT = 2;

    private static final int LETTERS = 1 << Character.UPPERCASE_LETTER
            | 1 << Character.LOWERCASE_LETTER
            | 1 << Character.TITLECASE_LETTER
            | 1 << Character.MODIFIER_LETTER
            | 1 << Character.OTHER_LETTER;
    private static final int NUMBERS =
            1 << Character.DECIMAL_DIGIT_NUMBER | 1 << Character.LETTER_NUMBER | 1 << Character.OTHER_NUMBER;
    private static final int SPACES =
            1 << Character.SPACE_SEPARATOR | 1 << Character.LINE_SEPARATOR | 1 << Character.PARAGRAPH_SEPARATOR;
    private static final int NEXT_LINE = 0x85;

    /** Kind and length of each ASCII character. */
    private static final byte[] ASCII = new byte[0x80];

    static {
        for (int c = 0; c < ASCII.length; c++) {
            ASCII[c] = (byte) (1 << LENGTH_SHIFT | kind(c));
        }
    }

    private SplitPattern() {}

    /**
     * Finds where the piece ends that begins at a place.
     *
     * @param text UTF-8
     * @param at where the piece begins, before {@code end}
     * @param end of the text
     * @return the place after the piece
     */
    static int pieceEnd(byte[] text, int at, int end) {
        if (text[at] == '\'') {
            int contraction = contraction(text, at + 1, end);
            if (contraction > 0) {
                return at + 1 + contraction;
            }
        }
        int start = at;
        int first = character(text, at, end);
        if (text[at] == ' ' && at + 1 < end) {
            int second = character(text, at + 1, end);
            if ((second & KIND) != SPACE) {
                first = second;
                start++;
            }
        }
        int kind = first & KIND;
        int last = start;
        int next = start + (first >> LENGTH_SHIFT);
        while (next < end) {
            int c = character(text, next, end);
            if ((c & KIND) != kind) {
                break;
            }
            last = next;
            next += c >> LENGTH_SHIFT;
        }
        // White space before a word leaves it its last character, unless it has no other.
        return kind == SPACE && next < end && last > at ? last : next;
    }

    /** @return the length of {@code s, t, re, ve, m, ll, d}, if one of them is here, or 0 */
    private static int contraction(byte[] text, int at, int end) {
        if (at == end) {
            return 0;
        }
        int second = at + 1 < end ? text[at + 1] : 0;
        return switch (text[at]) {
            case 's', 't', 'm', 'd' -> 1;
            case 'r', 'v' -> second == 'e' ? 2 : 0;
            case 'l' -> second == 'l' ? 2 : 0;
            default -> 0;
        };
    }

    /** @return the kind of the character at a place and its length in bytes, packed */
    private static int character(byte[] text, int at, int end) {
        int b = text[at];
        return b >= 0 ? ASCII[b] : beyondAscii(text, at, end);
    }

    private static int beyondAscii(byte[] text, int at, int end) {
        int b = text[at] & 0xFF;
        int length = b >= 0xF0 ? 4 : b >= 0xE0 ? 3 : 2;
        if (b < 0xC0 || b >= 0xF8 || length > end - at) {
            return 1 << LENGTH_SHIFT | OTHER;
        }
        int c = b & 0x7F >> length;
        for (int i = 1; i < length; i++) {
            int continuation = text[at + i];
            if ((continuation & 0xC0) != 0x80) {
                return 1 << LENGTH_SHIFT | OTHER;
            }
            c = c << 6 | continuation & 0x3F;
        }
        return length << LENGTH_SHIFT | kind(c);
    }

    private static int kind(int character) {
        int type = 1 << Character.getType(character);
        if ((type & LETTERS) != 0) {
            return LETTER;
        }
        if ((type & NUMBERS) != 0) {
            return NUMBER;
        }
        boolean space = (type & SPACES) != 0 || character >= '\t' && character <= '\r' || character == NEXT_LINE;
        return space ? SPACE : OTHER;
    }

    /**
     * Finds the last place where a text may be cut: no piece goes across it, and the pieces before it are the same
     * whatever follows. That is so where white space begins: a piece may have some before a word, but none after it.
     *
     * @param from where to begin
     * @param to where to end
     * @param lines whether a new line is such white space
     * @return a place in ({@code from}, {@code to}), or {@code from} if there is none
     */
    static int lastCut(CharSequence text, int from, int to, boolean lines) {
        for (int cut = to - 1; cut > from; cut--) {
            char c = text.charAt(cut);
            if (isSpace(c) && !isSpace(text.charAt(cut - 1)) && (lines || c != '\n' && c != '\r')) {
                return cut;
            }
        }
        return from;
    }

    /** White space is never half of a surrogate pair. */
    static boolean isSpace(char c) {
        return kind(c) == SPACE;
    }
}
