package org.minigpt.cli.bench;

import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.minigpt.cli.report.PeakMemory;
import org.minigpt.decode.Decoder;
import org.minigpt.decode.Decoder.CacheType;
import org.minigpt.decode.Decoder.Window;
import org.minigpt.decode.LanguageModel;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.generate.TokenGenerator;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.QuantizedGpt;
import org.minigpt.model.WeightType;
import org.minigpt.runtime.MiniGptRuntime;

/**
 * How fast a model of random weights generates: one sequence, several at once, and prompts. Tokens are drawn at the
 * temperature 1 from all of the vocabulary.
 *
 * @param config the model
 * @param weights the type of its matrices
 * @param cache the type of the keys and values that are remembered
 * @param batch the sequences that are generated at once
 * @param promptLength the tokens of the prompt that is timed
 * @param rounds of which the fastest counts
 */
public record GenerateBench(
        GptConfig config, WeightType weights, CacheType cache, int batch, int promptLength, int rounds) {
    /** A round of tokens takes about so long. */
    private static final double ROUND_SECONDS = 0.7;

    private static final int WARM_UP_TOKENS = 16;

    /** Measures and prints. */
    public void run(ResultLines lines) {
        MiniGptRuntime.warmUp(); // and installs it, before anything loads the BLAS whose kernels it chooses
        lines.print("java", Runtime.version());
        lines.print("kernels", MiniGptRuntime.kernels());
        lines.print("threads", MiniGptRuntime.threads());
        lines.print("parameters", StepBench.parameters(config));
        lines.print("weights", weights);
        lines.print("cache", cache);
        LanguageModel gpt = model().withCache(cache);
        int cores = Runtime.getRuntime().availableProcessors();
        // Up to the end of the context, of which a long one is left to a prompt.
        int fresh = Math.min(config.blockSize() - 1, 128);
        int prompt = config.blockSize() - fresh;
        warmUp(gpt, 1);
        double one = generation(gpt, 1, prompt, fresh, Window.EXACT);
        lines.print("generate_tokens_per_second", one, 0);
        double bytes = bytesPerToken(prompt + fresh / 2.0);
        double bandwidth = CopyBandwidth.bytesPerSecond(cores, rounds);
        lines.print("bytes_per_token", bytes, 0);
        lines.print("copy_gigabytes_per_second", bandwidth / 1e9, 1);
        lines.print("fraction_of_bandwidth", one * bytes / bandwidth, 3);
        lines.print("batch_size", batch);
        warmUp(gpt, batch);
        lines.print("batch_tokens_per_second", generation(gpt, batch, prompt, fresh, Window.EXACT), 0);
        lines.print("sliding_exact_tokens_per_second", sliding(gpt, Window.EXACT), 0);
        lines.print("sliding_halving_tokens_per_second", sliding(gpt, Window.HALVING), 0);
        int length = Math.min(promptLength, config.blockSize());
        double seconds = prefillSeconds(gpt, length);
        double peak = SgemmPeak.gflops(cores, rounds);
        lines.print("prompt_tokens", length);
        lines.print("prompt_ms", seconds * 1e3, 4);
        lines.print("sgemm_peak_gflops", peak, 1);
        lines.print("prompt_fraction_of_peak", prefillFlops(length) / seconds / (peak * 1e9), 3);
        PeakMemory.megabytes().ifPresent(megabytes -> lines.print("peak_memory_mb", megabytes, 1));
    }

    private LanguageModel model() {
        Gpt gpt = Gpt.create(config, 1337);
        if (weights == WeightType.F32) {
            return gpt;
        }
        try (gpt) {
            return QuantizedGpt.of(gpt, weights);
        }
    }

    /** The JIT takes some seconds to compile all that generates; short texts, so that a large model does not take longer. */
    private void warmUp(LanguageModel gpt, int rows) {
        long end = System.nanoTime() + (long) (rounds * ROUND_SECONDS * 1e9);
        while (System.nanoTime() < end) {
            secondsOfTexts(gpt, rows, 1, Math.min(WARM_UP_TOKENS, config.blockSize() - 1), Window.EXACT);
        }
    }

    /** @return tokens a second, those of the prompts and their time not counted */
    private double generation(LanguageModel gpt, int rows, int prompt, int fresh, Window window) {
        double best = Double.POSITIVE_INFINITY;
        for (int round = 0; round < rounds; round++) {
            double total = 0;
            int times = 0;
            do {
                total += secondsOfTexts(gpt, rows, prompt, fresh, window);
                times++;
            } while (total < ROUND_SECONDS);
            best = Math.min(best, total / times);
        }
        return (double) rows * fresh / best;
    }

    /** @return how long {@code fresh} tokens of each text took, which one more comes before */
    private double secondsOfTexts(LanguageModel gpt, int rows, int prompt, int fresh, Window window) {
        Stopper stopper = new Stopper(rows);
        TokenGenerator generator = new TokenGenerator(gpt);
        SamplingOptions options =
                SamplingOptions.builder().maxNewTokens(fresh + 1).window(window).build();
        if (rows == 1) {
            generator.generate(ids(prompt), options, id -> stopper.tick());
        } else {
            List<int[]> prompts = Collections.nCopies(rows, ids(prompt));
            generator.generateAll(prompts, 1, options, (token, sequence) -> stopper.tick());
        }
        return stopper.seconds();
    }

    /** @return tokens a second of one sequence beyond block_size */
    private double sliding(LanguageModel gpt, Window window) {
        int[] full = ids(config.blockSize());
        double best = Double.POSITIVE_INFINITY;
        try (Decoder decoder = gpt.decoder(1, Integer.MAX_VALUE, window)) {
            decoder.append(0, full);
            decoder.append(0, 1);
            for (int round = 0; round < rounds; round++) {
                long start = System.nanoTime();
                long tokens = 0;
                do {
                    // A whole period of a window that is halved.
                    int period = window == Window.HALVING ? config.blockSize() / 2 + 1 : 1;
                    for (int i = 0; i < period; i++) {
                        decoder.append(0, 1);
                    }
                    tokens += period;
                } while (System.nanoTime() - start < ROUND_SECONDS * 1e9);
                best = Math.min(best, (System.nanoTime() - start) / 1e9 / tokens);
            }
        }
        return 1 / best;
    }

    private double prefillSeconds(LanguageModel gpt, int length) {
        int[] ids = ids(length);
        double best = Double.POSITIVE_INFINITY;
        for (int round = 0; round < rounds; round++) {
            long end = System.nanoTime() + (long) (ROUND_SECONDS * 1e9);
            do {
                try (Decoder decoder = gpt.decoder(1, length, Window.EXACT)) {
                    best = Math.min(best, seconds(() -> decoder.append(0, ids)));
                }
            } while (System.nanoTime() < end);
        }
        return best;
    }

    /** Takes the time from the first token of the last sequence to the last one. */
    private static final class Stopper {
        private final int rows;
        private int calls;
        private long first;
        private long last;

        Stopper(int rows) {
            this.rows = rows;
        }

        /** There is a token. */
        void tick() {
            calls++;
            last = System.nanoTime();
            first = calls == rows ? last : first;
        }

        double seconds() {
            return (last - first) / 1e9;
        }
    }

    private static double seconds(Runnable task) {
        long start = System.nanoTime();
        task.run();
        return (System.nanoTime() - start) / 1e9;
    }

    private int[] ids(int count) {
        return new Random(1).ints(count, 0, config.vocabSize()).toArray();
    }

    /**
     * The weights that every token is multiplied with, and the keys and values that it attends to.
     */
    private double bytesPerToken(double context) {
        WeightType ofHead = weights == WeightType.Q4_0 ? WeightType.Q8_0 : weights;
        return weights.bytesPerValue() * matrices()
                + ofHead.bytesPerValue() * head()
                + (cache == CacheType.F16 ? 2 : Float.BYTES)
                        * 2.0
                        * config.nLayer()
                        * config.nKvHead()
                        * config.headSize()
                        * context;
    }

    /**
     * Multiplications and additions: the logits are computed for the last token only, and a token sees those before it.
     */
    private double prefillFlops(int tokens) {
        double attention = 2.0 * config.nLayer() * config.nHead() * config.headSize() * tokens * (tokens + 1);
        return 2.0 * matrices() * tokens + attention + 2.0 * head();
    }

    private double matrices() {
        return Gpt.declaredParameters(config).stream()
                .filter(p -> p.shape().size() >= 2 && p.name().startsWith("h."))
                .mapToDouble(p -> p.length())
                .sum();
    }

    private double head() {
        return (double) config.vocabSize() * config.nEmbd();
    }
}
