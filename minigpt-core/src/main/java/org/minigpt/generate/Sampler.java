package org.minigpt.generate;

import java.util.Random;
import org.minigpt.internal.random.SplitMix64;

/** Chooses the next token. */
public sealed interface Sampler {
    /**
     * @param logits of each token, V; -∞ for one that must not come
     * @return the chosen token's id
     * @throws org.minigpt.MiniGptException if no logit is a number to choose by
     */
    int next(double[] logits);

    /** Always the most likely token; of several equally likely ones that with the lowest id. */
    record Greedy() implements Sampler {
        @Override
        public int next(double[] logits) {
            return Logits.argMax(logits);
        }
    }

    /**
     * Draws each token with its probability, softmax(logits / temperature), as the lecture's and nanoGPT's {@code
     * torch.multinomial}. The same seed gives the same draws on every JDK. Not for use by several threads at once.
     */
    final class Multinomial implements Sampler {
        private final double temperature;
        private final Random random;

        /**
         * @param temperature positive: 1 keeps the model's probabilities, less prefers the likely tokens
         * @param seed of the draws; neighbouring seeds have nothing to do with each other
         * @throws org.minigpt.MiniGptException if the temperature is not positive
         */
        public Multinomial(double temperature, long seed) {
            SamplingOptions.requireTemperature(temperature);
            this.temperature = temperature;
            // The first draws of a Random whose seeds are small numbers are nearly the same: SplitMix64 spreads them.
            this.random = new Random(SplitMix64.next(seed));
        }

        @Override
        public int next(double[] logits) {
            return next(new Exponentials(logits, temperature));
        }

        /** {@link #next(double[])} with exponentials that somebody has computed at this {@link #temperature}. */
        int next(Exponentials exponentials) {
            return exponentials.tokenAt(random.nextDouble());
        }

        double temperature() {
            return temperature;
        }
    }
}
