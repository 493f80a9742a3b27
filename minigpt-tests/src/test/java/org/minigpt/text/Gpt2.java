package org.minigpt.text;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.minigpt.text.bpe.BpeTokenizer;

/** GPT-2's own vocabulary, from the jar of jtokkit. */
public final class Gpt2 {
    private static final String RESOURCE = "/com/knuddels/jtokkit/r50k_base.tiktoken";

    private Gpt2() {}

    /** @return the file, written to a folder */
    public static Path file(Path dir) throws IOException {
        Path file = dir.resolve("r50k_base.tiktoken");
        try (InputStream in = Gpt2.class.getResourceAsStream(RESOURCE)) {
            Files.copy(in, file);
        }
        return file;
    }

    /** @return the tokenizer; a folder is for its file */
    public static BpeTokenizer tokenizer(Path dir) throws IOException {
        return BpeTokenizer.load(file(dir));
    }
}
