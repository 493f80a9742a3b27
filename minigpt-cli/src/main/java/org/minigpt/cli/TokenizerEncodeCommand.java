package org.minigpt.cli;

import java.io.BufferedOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.minigpt.MiniGptException;
import org.minigpt.cli.corpus.Corpus;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.Tokenizers;
import org.minigpt.text.bpe.BpeTokenizer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code minigpt tokenizer encode}: from a text to the ids of its tokens. */
@Command(
        name = "encode",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        abbreviateSynopsis = true,
        header = "Writes the ids of a text's tokens.",
        description = "")
final class TokenizerEncodeCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(
            names = "--tokenizer",
            paramLabel = "PATH",
            required = true,
            description = "A folder with a tokenizer, or its file, such as tokenizer.json.")
    private Path path;

    @Option(names = "--text", paramLabel = "TEXT", description = "The text.")
    private String text;

    @Option(
            names = "--data",
            paramLabel = "TEXT",
            description = "A UTF-8 text file, - for the standard input, moby-dick or shakespeare.")
    private String data;

    @Option(names = "--ordinary", description = "Take special tokens in the text for any other text.")
    private boolean ordinary;

    @Option(
            names = "--special-tokens",
            description = "Put those before and after that the tokenizer's files have around a text, such as <s>.")
    private boolean special;

    @Option(names = "--tokens", description = "Write a line for each token: its id and its text.")
    private boolean tokens;

    @Option(names = "--count", description = "Write only how many tokens there are.")
    private boolean count;

    @Override
    public Integer call() {
        if (tokens && count) {
            throw new ParameterException(spec.commandLine(), "--tokens and --count are given: leave one out.");
        }
        if (ordinary && special) {
            throw new ParameterException(
                    spec.commandLine(), "--ordinary and --special-tokens are given: leave one out.");
        }
        String given = read();
        Tokenizer tokenizer = Tokenizers.load(path);
        int[] ids = encode(tokenizer, given);
        if (count) {
            int characters = given.codePointCount(0, given.length());
            System.out.printf(
                    Locale.ROOT,
                    "%,d tokens, %,d of them different; %,d characters, %.3f a token%n",
                    ids.length,
                    Arrays.stream(ids).distinct().count(),
                    characters,
                    ids.length == 0 ? 0 : characters / (double) ids.length);
            return 0;
        }
        PrintStream out = new PrintStream(new BufferedOutputStream(System.out), false, StandardCharsets.UTF_8);
        for (int i = 0; i < ids.length; i++) {
            if (tokens) {
                out.println(ids[i] + " " + OneLine.of(tokenizer.decodeContinued(ids[i])));
            } else {
                out.print(i == 0 ? "" : " ");
                out.print(ids[i]);
            }
        }
        if (!tokens) {
            out.println();
        }
        out.flush();
        return 0;
    }

    private int[] encode(Tokenizer tokenizer, String given) {
        if (special) {
            return tokenizer.encodeWithSpecialTokens(given);
        }
        return ordinary && tokenizer instanceof BpeTokenizer bpe ? bpe.encodeOrdinary(given) : tokenizer.encode(given);
    }

    private String read() {
        if (data == null || data.equals("-")) {
            String given = TextOptions.read("--text", text, "--data", data == null ? null : Path.of(data));
            if (given == null) {
                throw new MiniGptException("there is nothing to encode: give --text or --data.");
            }
            return given;
        }
        if (text != null) {
            throw new MiniGptException("--text and --data are given: leave one out.");
        }
        return Corpus.of(data).text();
    }
}
