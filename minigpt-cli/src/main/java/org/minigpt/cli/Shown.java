package org.minigpt.cli;

/** Texts as a table of tokens shows them. */
final class Shown {
    private Shown() {}

    /** @return the text with its line ends as {@code \n} and {@code \r} */
    static String onOneLine(String text) {
        return text.replace("\n", "\\n").replace("\r", "\\r");
    }
}
