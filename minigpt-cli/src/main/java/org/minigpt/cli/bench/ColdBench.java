package org.minigpt.cli.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.minigpt.MiniGptException;
import org.minigpt.io.ModelFolder;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.text.IdTokenizer;

/**
 * How long a user waits for a short text: the whole of {@code minigpt sample} for some lengths, each in a JVM of its own
 * that {@code bin/minigpt} starts. The model's weights are random, and its tokens numbers.
 *
 * @param config the model
 * @param weights what {@code --weights} is
 * @param runs of each length, of which the median counts
 */
public record ColdBench(GptConfig config, String weights, int runs) {
    /** The system property by which the launcher tells where it is. */
    private static final String LAUNCHER = "org.minigpt.launcher";

    private static final List<Integer> LENGTHS = List.of(1, 40, 100);

    /**
     * Measures and prints.
     *
     * @throws MiniGptException if this program was not started by the launcher, or a command fails
     */
    public void run(ResultLines lines) {
        String launcher = System.getProperty(LAUNCHER);
        if (launcher == null) {
            throw new MiniGptException(
                    "--cold measures the program as bin/minigpt starts it: start the bench by that, too.");
        }
        try (WorkFolder work = WorkFolder.in(Path.of(System.getProperty("java.io.tmpdir")), "minigpt-cold")) {
            Path model = work.path().resolve("model");
            try (Gpt gpt = Gpt.create(config, 1337)) {
                ModelFolder.save(model, gpt, new IdTokenizer(config.vocabSize()));
            }
            lines.print("java", Runtime.version());
            lines.print("version_seconds", median(work.path(), List.of(launcher, "--version")), 2);
            int before = 0;
            double secondsBefore = 0;
            for (int tokens : LENGTHS) {
                double seconds = median(work.path(), sample(launcher, model, tokens));
                lines.print("cold_" + tokens + "_seconds", seconds, 2);
                if (before > 0) {
                    double rate = (tokens - before) / (seconds - secondsBefore);
                    lines.print("cold_" + (before + 1) + "_to_" + tokens + "_tokens_per_second", rate, 1);
                }
                before = tokens;
                secondsBefore = seconds;
            }
        }
    }

    private List<String> sample(String launcher, Path model, int tokens) {
        List<String> command = new ArrayList<>(List.of(launcher, "sample", "--model", model.toString()));
        command.addAll(List.of("--prompt", " 0", "--seed", "1", "--max-new-tokens", String.valueOf(tokens)));
        command.addAll(List.of("--weights", weights));
        return command;
    }

    /** @return of all runs but one more at the beginning, by which files come into the cache, and the launcher's archive */
    private double median(Path work, List<String> command) {
        double[] seconds = new double[runs];
        seconds(work, command);
        for (int i = 0; i < runs; i++) {
            seconds[i] = seconds(work, command);
        }
        Arrays.sort(seconds);
        return (seconds[runs / 2] + seconds[(runs - 1) / 2]) / 2;
    }

    private static double seconds(Path work, List<String> command) {
        Path log = work.resolve("log");
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
        long start = System.nanoTime();
        try {
            Process process = builder.start();
            int exitCode = process.waitFor();
            if (exitCode != 0) {
                throw new MiniGptException(String.join(" ", command) + " ended with exit code " + exitCode
                        + ": run it by itself, and mend what it complains of.");
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new MiniGptException("The measurement was interrupted: start it again.", e);
        }
        return (System.nanoTime() - start) / 1e9;
    }
}
