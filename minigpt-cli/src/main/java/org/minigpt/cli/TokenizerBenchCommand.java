package org.minigpt.cli;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.minigpt.cli.bench.ResultLines;
import org.minigpt.cli.bench.TokenizerBench;
import org.minigpt.cli.corpus.Corpus;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.Tokenizers;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code minigpt tokenizer bench}: how fast tokenizers are made and used here. */
@Command(
        name = "bench",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        abbreviateSynopsis = true,
        header = "Measures how long training a tokenizer takes, and how fast it encodes and decodes, on one core.",
        description = {"A line a figure, its name first. Defaults stand in brackets.", ""})
final class TokenizerBenchCommand implements Callable<Integer> {
    @Option(
            names = "--data",
            paramLabel = "TEXT",
            defaultValue = Corpus.MOBY_DICK,
            description = "A UTF-8 text file, moby-dick or shakespeare [${DEFAULT-VALUE}].")
    private String data;

    @Option(
            names = "--tokenizer",
            paramLabel = "PATH",
            description = "A tokenizer to measure [one of --vocab-size tokens that is trained on the text].")
    private Path path;

    @Option(
            names = "--vocab-size",
            paramLabel = "V",
            defaultValue = "8448",
            description = "The tokens of a tokenizer that is trained: 256 bytes and 8192 merges [${DEFAULT-VALUE}].")
    private int vocabSize;

    @Option(
            names = "--rounds",
            paramLabel = "N",
            defaultValue = "10",
            description = "How often to encode the text; the fastest counts [${DEFAULT-VALUE}].")
    private int rounds;

    @Override
    public Integer call() {
        Checks.requireAtLeastOne("--rounds", rounds);
        String text = Corpus.of(data).text();
        ResultLines lines = new ResultLines(System.out);
        lines.print("text_mb", text.getBytes(StandardCharsets.UTF_8).length / 1e6, 2);
        Tokenizer tokenizer = path != null ? Tokenizers.load(path) : TokenizerBench.train(text, vocabSize, lines);
        TokenizerBench.use(text, tokenizer, rounds, lines);
        return 0;
    }
}
