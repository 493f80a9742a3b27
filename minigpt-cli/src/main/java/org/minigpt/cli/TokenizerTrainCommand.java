package org.minigpt.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.minigpt.cli.corpus.Corpus;
import org.minigpt.cli.report.Progress;
import org.minigpt.files.AtomicFolder;
import org.minigpt.files.FolderKind;
import org.minigpt.text.TextFiles;
import org.minigpt.text.Tokenizers;
import org.minigpt.text.bpe.BpeTokenizer;
import org.minigpt.text.bpe.BpeTrainer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code minigpt tokenizer train}: from a text to a tokenizer in a folder. */
@Command(
        name = "train",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        abbreviateSynopsis = true,
        header = "Makes a byte-level BPE tokenizer, of GPT-2's kind, for a text.",
        description = {
            "Writes tokenizer.json, which this program and Hugging Face's tools read, and vocab.json with merges.txt for"
                    + " older ones. Defaults stand in brackets.",
            ""
        },
        footerHeading = "%n",
        footer = {"Then: minigpt train --data TEXT --tokenizer DIR"})
final class TokenizerTrainCommand implements Callable<Integer> {
    private static final long MEGABYTE = 1_000_000;

    @Option(
            names = "--data",
            paramLabel = "TEXT",
            defaultValue = Corpus.MOBY_DICK,
            description = "A UTF-8 text file of any length, moby-dick or shakespeare [${DEFAULT-VALUE}].")
    private String data;

    @Option(
            names = "--vocab-size",
            paramLabel = "V",
            defaultValue = "8192",
            description =
                    "How many tokens, of which 256 are the bytes; token files take up to 65536 [${DEFAULT-VALUE}].")
    private int vocabSize;

    @Option(
            names = "--special-token",
            paramLabel = "TEXT",
            description = "A text that is one token of its own, such as <|endoftext|>; may be given several times.")
    private List<String> specialTokens = List.of();

    @Option(
            names = "--out",
            paramLabel = "DIR",
            required = true,
            description = "The folder of the tokenizer, made if it is not there.")
    private Path outDir;

    @Override
    public Integer call() throws IOException {
        FolderKind.TOKENIZER.requireRoom(outDir);
        PrintStream out = System.out;
        BpeTrainer trainer = new BpeTrainer(specialTokens.toArray(String[]::new));
        long start = System.nanoTime();
        read(out, trainer);
        BpeTokenizer tokenizer;
        try (Progress progress = Progress.of(out, System.err, vocabSize)) {
            tokenizer = trainer.train(vocabSize, merges -> progress.step(merges, "merges"));
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        AtomicFolder.write(outDir, folder -> {
            tokenizer.save(folder.resolve(Tokenizers.FILE));
            Tokenizers.saveAsGpt2Files(folder, tokenizer);
        });
        if (tokenizer.vocabSize() < vocabSize) {
            out.printf(
                    Locale.ROOT,
                    "No pair of tokens is there twice any more, so there are fewer than %,d.%n",
                    vocabSize);
        }
        out.printf(Locale.ROOT, "%,d tokens in %s, after %.1f s%n", tokenizer.vocabSize(), outDir, seconds);
        out.printf("Train on the text with it: minigpt train --data %s --tokenizer %s%n", data, outDir);
        return 0;
    }

    private void read(PrintStream out, BpeTrainer trainer) throws IOException {
        if (Corpus.isName(data)) {
            trainer.add(Corpus.of(data).text());
            return;
        }
        Path file = Corpus.path(data);
        long megabytes = Files.isRegularFile(file) ? (Files.size(file) + MEGABYTE - 1) / MEGABYTE : 0;
        try (Progress progress = Progress.of(out, System.err, megabytes)) {
            TextFiles.readPieces(file, (piece, bytes) -> {
                trainer.add(piece);
                progress.step(bytes / MEGABYTE, "MB read");
            });
        }
    }
}
