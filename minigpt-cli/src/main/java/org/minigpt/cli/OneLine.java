package org.minigpt.cli;

/** Texts as a table of tokens shows them. */
final class OneLine {
    private OneLine() {}

    /** @return the text with its line ends as {@code \n} and {@code \r} */
    static String of(String text) {
        return text.replace("\n", "\\n").replace("\r", "\\r");
    }
}
