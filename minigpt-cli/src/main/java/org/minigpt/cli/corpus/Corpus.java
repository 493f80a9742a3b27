package org.minigpt.cli.corpus;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import org.minigpt.MiniGptException;
import org.minigpt.text.TextFiles;

/**
 * A text to train on.
 *
 * @param name as the user wrote it: {@code moby-dick}, {@code shakespeare} or the path of a file
 * @param text all of it
 */
public record Corpus(String name, String text) {
    /** The text that comes with the examples: "Moby-Dick; or, The Whale" by Herman Melville, 1.2 MB. */
    public static final String MOBY_DICK = "moby-dick";

    /** The text of the lecture and of nanoGPT, 1.1 MB of Shakespeare, which is downloaded once. */
    public static final String SHAKESPEARE = "shakespeare";

    private static final String BUNDLED = "moby-dick.txt";

    /**
     * Reads a text.
     *
     * @param nameOrFile {@link #MOBY_DICK}, {@link #SHAKESPEARE} or the path of a UTF-8 file
     * @throws MiniGptException if the file can't be read or is not text, or Shakespeare can't be downloaded
     */
    public static Corpus of(String nameOrFile) {
        String text = switch (nameOrFile) {
            case MOBY_DICK -> bundled();
            case SHAKESPEARE -> TextFiles.readUtf8(TinyShakespeare.file());
            case "" ->
                throw new MiniGptException("The name of the text is empty: give " + MOBY_DICK + ", " + SHAKESPEARE
                        + " or the path of a UTF-8 file.");
            default -> TextFiles.readUtf8(path(nameOrFile));
        };
        return new Corpus(nameOrFile, text);
    }

    /** @return whether it is one of the names, and not a file */
    public static boolean isName(String nameOrFile) {
        return nameOrFile.equals(MOBY_DICK) || nameOrFile.equals(SHAKESPEARE);
    }

    /** @throws MiniGptException if it is not the path of a file */
    public static Path path(String file) {
        try {
            return Path.of(file);
        } catch (InvalidPathException e) {
            throw new MiniGptException(file + " is not the path of a file: check it.", e);
        }
    }

    private static String bundled() {
        try (InputStream in = Corpus.class.getResourceAsStream(BUNDLED)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
