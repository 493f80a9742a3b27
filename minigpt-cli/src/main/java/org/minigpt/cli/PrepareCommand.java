package org.minigpt.cli;

import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.minigpt.cli.report.Progress;
import org.minigpt.data.TokenFolder;
import org.minigpt.text.Tokenizer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code minigpt prepare}: from a text of any length to token files. */
@Command(
        name = "prepare",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        abbreviateSynopsis = true,
        header = "Makes token files of a text that is larger than memory.",
        description = {
            "Reads the text twice, piece by piece: first for its characters, then for the ids. The files are nanoGPT's,"
                    + " train.bin and val.bin, two bytes a token, with tokenizer.json beside. Defaults stand in"
                    + " brackets.",
            ""
        },
        footerHeading = "%n",
        footer = {"Then: minigpt train --data DIR"})
final class PrepareCommand implements Callable<Integer> {
    private static final long MEGABYTE = 1_000_000;

    @Option(names = "--data", paramLabel = "FILE", required = true, description = "A UTF-8 text file of any length.")
    private Path data;

    @Option(
            names = "--out-dir",
            paramLabel = "DIR",
            required = true,
            description = "The folder of the token files, made if it is not there.")
    private Path outDir;

    @Option(
            names = "--train-split",
            paramLabel = "SHARE",
            defaultValue = "0.9",
            description = "The first part of the text trains, the rest validates [${DEFAULT-VALUE}].")
    private double trainSplit;

    @Mixin(name = "Tokens")
    private TokenizerOptions tokens = new TokenizerOptions();

    @Override
    public Integer call() throws Exception {
        PrintStream out = System.out;
        Path text = data;
        Tokenizer tokenizer = tokens.load().orElse(null);
        long megabytes = Files.isRegularFile(text) ? (Files.size(text) + MEGABYTE - 1) / MEGABYTE : 0;
        TokenFolder.Opened folder;
        try (Progress progress = Progress.of(out, System.err, 2 * megabytes)) {
            folder = TokenFolder.prepare(
                    text,
                    outDir,
                    trainSplit,
                    tokenizer,
                    bytes -> progress.step(
                            Math.min(bytes / MEGABYTE, 2 * megabytes),
                            bytes / MEGABYTE <= megabytes ? "MB, finding characters" : "MB, writing ids"));
        }
        out.printf(
                Locale.ROOT,
                "%,d different %s; %,d ids in %s, %,d in %s%n",
                folder.tokenizer().vocabSize(),
                tokenizer == null ? "characters" : "tokens",
                folder.data().train().length(),
                outDir.resolve(TokenFolder.TRAIN),
                folder.data().validation().length(),
                outDir.resolve(TokenFolder.VALIDATION));
        out.printf("Train on it: minigpt train --data %s%n", outDir);
        return 0;
    }
}
