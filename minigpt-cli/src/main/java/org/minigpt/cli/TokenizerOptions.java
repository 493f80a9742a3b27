package org.minigpt.cli;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;
import org.minigpt.MiniGptException;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.Tokenizers;
import picocli.CommandLine.Option;

/** What a new model's tokens are. */
final class TokenizerOptions {
    private static final String CHARACTERS = "char";

    @Option(
            names = "--tokenizer",
            paramLabel = "PATH",
            defaultValue = CHARACTERS,
            description =
                    "char: a token for each character of the text; or a tokenizer that is there, as minigpt tokenizer"
                            + " train makes it or as GPT-2's is: a folder with tokenizer.json or with vocab.json and merges.txt,"
                            + " or a file. Token files bring their own [${DEFAULT-VALUE}].")
    private String tokenizer;

    /** @return the tokenizer, unless it is one of the text's characters */
    Optional<Tokenizer> load() {
        return tokenizer.equals(CHARACTERS) ? Optional.empty() : Optional.of(Tokenizers.load(path()));
    }

    /** {@link #load} for a run whose options, and tokenizer, are those of an earlier one. */
    Optional<Tokenizer> load(Path earlier) {
        return tokenizer.equals(CHARACTERS) ? Optional.empty() : Optional.of(Tokenizers.load(earlier));
    }

    /** The tokenizer so that it is found from any working directory. */
    String fromAnywhere() {
        return tokenizer.equals(CHARACTERS)
                ? tokenizer
                : path().toAbsolutePath().normalize().toString();
    }

    private Path path() {
        if (tokenizer.isBlank()) {
            throw new MiniGptException("--tokenizer is empty: give " + CHARACTERS + ", or the path of a tokenizer.");
        }
        try {
            return Path.of(tokenizer);
        } catch (InvalidPathException e) {
            throw new MiniGptException(tokenizer + " is not the path of a tokenizer: check it.", e);
        }
    }
}
