package org.minigpt.text;

/** Characters, that is Unicode code points, as messages show them. */
public final class CodePoints {
    private static final int MAX_SHOWN = 40;

    private CodePoints() {}

    /** {@code 'é' (U+00E9)}, or only {@code U+0007} for what cannot be seen on a screen or would disturb it. */
    public static String describe(int codePoint) {
        String number = String.format("U+%04X", codePoint);
        return isPrintable(codePoint) ? "'" + Character.toString(codePoint) + "' (" + number + ")" : number;
    }

    public static boolean isSurrogate(int codePoint) {
        return codePoint >= Character.MIN_SURROGATE && codePoint <= Character.MAX_SURROGATE;
    }

    public static boolean isPrintable(int codePoint) {
        return switch (Character.getType(codePoint)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR,
                    Character.SPACE_SEPARATOR,
                    // Marks would combine with the quotation mark before them.
                    Character.NON_SPACING_MARK,
                    Character.ENCLOSING_MARK,
                    Character.COMBINING_SPACING_MARK -> false;
            default -> true;
        };
    }

    /** The beginning of a text in quotation marks, with what is not printable as its number. */
    public static String quoted(String text) {
        StringBuilder shown = new StringBuilder();
        text.codePoints().limit(MAX_SHOWN).forEach(c -> {
            if (c == ' ' || isPrintable(c)) {
                shown.appendCodePoint(c);
            } else {
                shown.append(String.format("\\u%04x", c));
            }
        });
        return '"' + shown.toString() + (text.codePointCount(0, text.length()) > MAX_SHOWN ? "..." : "") + '"';
    }
}
