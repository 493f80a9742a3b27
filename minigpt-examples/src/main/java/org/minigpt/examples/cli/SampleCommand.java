package org.minigpt.examples.cli;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.generate.TextGenerator;
import org.minigpt.io.ModelFolder;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code minigpt sample}: lets a saved model write. */
@Command(
        name = "sample",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        abbreviateSynopsis = true,
        header = "Lets a model write.",
        description = {"Defaults stand in brackets.", ""})
final class SampleCommand implements Callable<Integer> {
    @Option(
            names = "--model",
            paramLabel = "DIR",
            defaultValue = "out",
            description = "The model's folder [${DEFAULT-VALUE}].")
    private Path model;

    @Option(names = "--prompt", paramLabel = "TEXT", defaultValue = "", description = "The beginning [a new line].")
    private String prompt;

    @Option(
            names = "--max-new-tokens",
            paramLabel = "N",
            defaultValue = "500",
            description = "Tokens to write [${DEFAULT-VALUE}].")
    private int maxNewTokens;

    @Option(
            names = "--temperature",
            paramLabel = "X",
            defaultValue = "1.0",
            description = "Above 0: the lower, the more it keeps to what is likely [${DEFAULT-VALUE}].")
    private double temperature;

    @Option(names = "--greedy", description = "Always take the most likely token.")
    private boolean greedy;

    @Option(
            names = "--num-samples",
            paramLabel = "N",
            defaultValue = "1",
            description = "Samples to write, each from a seed one higher [${DEFAULT-VALUE}].")
    private int numSamples;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1337",
            description = "The same seed gives the same text [${DEFAULT-VALUE}].")
    private long seed;

    @Override
    public Integer call() {
        Checks.requireAtLeastOne("--num-samples", numSamples);
        SamplingOptions.Builder options = SamplingOptions.builder()
                .maxNewTokens(maxNewTokens)
                .temperature(temperature)
                .greedy(greedy);
        options.build(); // complains before the model is read
        ModelFolder.SavedModel saved = ModelFolder.load(model);
        TextGenerator generator = new TextGenerator(saved.gpt(), saved.tokenizer());
        PrintStream out = System.out;
        long start = System.nanoTime();
        for (int i = 0; i < numSamples; i++) {
            if (i > 0) {
                out.println("---------------");
            }
            saved.tokenizer().encode(prompt); // complains before anything is printed
            out.print(prompt);
            out.flush();
            generator.generate(prompt, options.seed(seed + i).build(), piece -> {
                out.print(piece);
                out.flush();
            });
            out.println();
        }
        long tokens = (long) numSamples * maxNewTokens;
        double seconds = (System.nanoTime() - start) / 1e9;
        System.err.printf(Locale.ROOT, "%,d tokens in %.1f s, %,.0f a second%n", tokens, seconds, tokens / seconds);
        return 0;
    }
}
