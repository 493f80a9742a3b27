package org.minigpt.cli;

import java.nio.file.Path;
import org.minigpt.MiniGptException;
import org.minigpt.text.TextFiles;

/** A text that is an argument, a file's content, or what comes from the standard input. */
final class TextOptions {
    static final String STANDARD_INPUT = "the standard input";

    private TextOptions() {}

    /**
     * @param textOption the name of the option with the text
     * @param text the argument, or null
     * @param fileOption the name of the option with the file
     * @param file the file, {@code -} for the standard input, or null
     * @return null if neither is given
     */
    static String read(String textOption, String text, String fileOption, Path file) {
        if (text != null && file != null) {
            throw new MiniGptException(textOption + " and " + fileOption + " are given: leave one out.");
        }
        if (file == null) {
            return text;
        }
        if (!file.toString().equals("-")) {
            return TextFiles.readUtf8(file);
        }
        return TextFiles.readUtf8(System.in, STANDARD_INPUT);
    }
}
