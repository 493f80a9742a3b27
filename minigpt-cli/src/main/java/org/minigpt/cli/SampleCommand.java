package org.minigpt.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.minigpt.MiniGptException;
import org.minigpt.generate.Completion;
import org.minigpt.generate.GeneratedToken;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.generate.TextGenerator;
import org.minigpt.generate.TextStream;
import org.minigpt.generate.TokenGeneration.FinishReason;
import org.minigpt.generate.TokenOffsets;
import org.minigpt.text.Tokenizer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
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
    static final String EXHAUSTED = "The text ends early: every token is forbidden, by --ban or --no-repeat-ngram.";

    @Option(
            names = "--model",
            paramLabel = "DIR",
            defaultValue = "out",
            description = "The model's folder, or a GGUF file [${DEFAULT-VALUE}].")
    private Path model;

    @Option(names = "--prompt", paramLabel = "TEXT", description = "The beginning [a new line].")
    private String prompt;

    @Option(
            names = "--prompt-file",
            paramLabel = "FILE",
            description = "A file with the beginning; - for the standard input.")
    private Path promptFile;

    @Option(
            names = "--num-samples",
            paramLabel = "N",
            defaultValue = "1",
            description = "Samples to write, each from a seed one higher [${DEFAULT-VALUE}].")
    private int numSamples;

    @Option(
            names = "--stream",
            description = "Write several samples one after the other, as they come, and not all at once.")
    private boolean stream;

    @Option(
            names = "--json",
            description = "Write a JSON object for each sample, with its tokens and their log-probabilities.")
    private boolean json;

    @Mixin(name = "Weights")
    private WeightsOption weights = new WeightsOption();

    @Mixin
    private CacheOption cache = new CacheOption();

    @Mixin(name = "Choice of tokens")
    private SamplerOptions sampler = new SamplerOptions();

    private final PrintStream out = System.out;

    @Mixin
    private ThreadsOption threads = new ThreadsOption();

    @Override
    public Integer call() {
        threads.apply();
        long called = System.currentTimeMillis();
        Checks.requireAtLeastOne("--num-samples", numSamples);
        SamplingOptions options = sampler.builder().build();
        String given = TextOptions.read("--prompt", prompt, "--prompt-file", promptFile);
        String beginning = given == null ? "" : given;
        WeightsOption.Opened saved = weights.open(model);
        sampler.requireIdsOf(saved.model().vocabSize());
        saved.tokenizer().encode(beginning); // complains before anything is printed
        long loaded = System.currentTimeMillis();
        TextGenerator generator = new TextGenerator(saved.model().withCache(cache.type()), saved.tokenizer());
        long start = System.nanoTime();
        long tokens;
        if (json || numSamples > 1 && !stream) {
            List<Completion> all = generator.generateAll(List.of(beginning), numSamples, options);
            tokens = 0;
            for (int i = 0; i < numSamples; i++) {
                tokens += all.get(i).tokens().ids().length;
                print(beginning, i, options.seed() + i, all.get(i), saved.tokenizer());
            }
        } else {
            tokens = stream(generator, beginning, options, called, loaded);
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        System.err.printf(Locale.ROOT, "%,d tokens in %.1f s, %,.0f a second%n", tokens, seconds, tokens / seconds);
        return 0;
    }

    private void print(String beginning, int index, long seed, Completion completion, Tokenizer tokenizer) {
        if (json) {
            out.println(toJson(beginning, seed, completion, tokenizer));
            return;
        }
        if (index > 0) {
            out.println("---------------");
        }
        out.println(beginning + completion.text());
        sayIfExhausted(completion.finishReason());
    }

    private static void sayIfExhausted(FinishReason reason) {
        if (reason == FinishReason.EXHAUSTED) {
            System.err.println(EXHAUSTED);
        }
    }

    private long stream(TextGenerator generator, String beginning, SamplingOptions options, long called, long loaded) {
        long tokens = 0;
        for (int i = 0; i < numSamples; i++) {
            if (i > 0) {
                out.println("---------------");
            }
            out.print(beginning);
            out.flush();
            FinishReason reason;
            try (TextStream text = generator.open(beginning, options.withSeed(options.seed() + i))) {
                while (text.hasNext()) {
                    if (loaded > 0) {
                        sayWhereTimeWent(called, loaded);
                        loaded = 0;
                    }
                    out.print(text.next());
                    out.flush();
                }
                tokens += text.result().tokens().ids().length;
                reason = text.result().finishReason();
            }
            out.println();
            sayIfExhausted(reason);
        }
        return tokens;
    }

    private static void sayWhereTimeWent(long called, long loaded) {
        long now = System.currentTimeMillis();
        long started = ManagementFactory.getRuntimeMXBean().getStartTime();
        System.err.printf(
                Locale.ROOT,
                "first token after %.2f s: %.2f start of Java, %.2f reading the model, with ND4J, %.2f prompt%n",
                (now - started) / 1e3,
                (called - started) / 1e3,
                (loaded - called) / 1e3,
                (now - loaded) / 1e3);
    }

    private static String toJson(String beginning, long seed, Completion completion, Tokenizer tokenizer) {
        JsonMapper mapper = new JsonMapper();
        ObjectNode object = mapper.createObjectNode();
        object.put("prompt", beginning);
        object.put("text", completion.text());
        object.put("seed", seed);
        object.put("finish_reason", completion.finishReason().name().toLowerCase(Locale.ROOT));
        ArrayNode ids = object.putArray("tokens");
        ArrayNode logProbabilities = object.putArray("logprobs");
        // Those that make up the text, without a stop text's.
        TokenOffsets offsets = new TokenOffsets(tokenizer);
        int length = completion.text().codePointCount(0, completion.text().length());
        for (GeneratedToken token : completion.tokens().tokens()) {
            if (offsets.next(token.id()) < length) {
                ids.add(token.id());
                logProbabilities.add(token.chosen().logProbability());
            }
        }
        try {
            return mapper.writeValueAsString(object);
        } catch (JsonProcessingException e) {
            throw new MiniGptException("a sample can't be written as JSON: " + e.getMessage(), e);
        }
    }
}
