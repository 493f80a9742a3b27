package org.minigpt.generate;

import org.minigpt.util.MiniGptException;

/**
 * How to generate.
 *
 * @param maxNewTokens the number of tokens to generate
 * @param temperature divides the logits, positive: 1 keeps the model's probabilities, less prefers the likely tokens
 * @param seed of the draws
 * @param greedy whether to take always the most likely token; then temperature and seed have no effect
 */
public record SamplingOptions(int maxNewTokens, double temperature, long seed, boolean greedy) {

    /** @throws MiniGptException if the number of tokens is negative or the temperature is not positive */
    public SamplingOptions {
        if (maxNewTokens < 0) {
            throw new MiniGptException("max_new_tokens is " + maxNewTokens + " but must not be negative; 500 is usual");
        }
        requireTemperature(temperature);
    }

    static void requireTemperature(double temperature) {
        // Written so that NaN fails too.
        if (!(temperature > 0 && temperature < Double.POSITIVE_INFINITY)) {
            throw new MiniGptException("temperature is " + temperature
                    + " but must be positive; 0.8 is usual, and for always the most likely token sample greedily"
                    + " (--greedy)");
        }
    }

    /** @return a new sampler as these options want it */
    public Sampler sampler() {
        return greedy ? new GreedySampler() : new MultinomialSampler(temperature, seed);
    }

    /** @return a builder with the defaults: 500 tokens drawn at temperature 1 from the seed 1337 */
    public static Builder builder() {
        return new Builder();
    }

    /** Collects the values; {@link #build} checks them. */
    public static final class Builder {
        private int maxNewTokens = 500;
        private double temperature = 1;
        private long seed = 1337;
        private boolean greedy;

        private Builder() {}

        /** Sets the number of tokens to generate; 500 by default. */
        public Builder maxNewTokens(int maxNewTokens) {
            this.maxNewTokens = maxNewTokens;
            return this;
        }

        /** Sets what the logits are divided by; 1 by default. */
        public Builder temperature(double temperature) {
            this.temperature = temperature;
            return this;
        }

        /** Sets the seed of the draws; 1337, the lecture's, by default. */
        public Builder seed(long seed) {
            this.seed = seed;
            return this;
        }

        /** Sets whether to take always the most likely token; false by default. */
        public Builder greedy(boolean greedy) {
            this.greedy = greedy;
            return this;
        }

        /** @throws MiniGptException if a value is out of its range */
        public SamplingOptions build() {
            return new SamplingOptions(maxNewTokens, temperature, seed, greedy);
        }
    }
}
