package org.minigpt.generate;

import java.util.Random;
import org.minigpt.util.SplitMix64;

/**
 * Draws each token with its probability, softmax(logits / temperature), as the lecture's and nanoGPT's
 * {@code torch.multinomial}. The same seed gives the same draws on every JDK. Not for use by several threads at once.
 */
public final class MultinomialSampler implements Sampler {
    private final double temperature;
    private final Random random;

    /**
     * @param temperature positive: 1 keeps the model's probabilities, less prefers the likely tokens
     * @param seed of the draws; neighbouring seeds have nothing to do with each other
     * @throws org.minigpt.util.MiniGptException if the temperature is not positive
     */
    public MultinomialSampler(double temperature, long seed) {
        SamplingOptions.requireTemperature(temperature);
        this.temperature = temperature;
        // The first draws of a Random whose seeds are small numbers are nearly the same: SplitMix64 spreads them.
        this.random = new Random(SplitMix64.next(seed));
    }

    @Override
    public int next(double[] logits) {
        double max = logits[Logits.argMax(logits)];
        double[] weights = new double[logits.length];
        double total = 0;
        for (int id = 0; id < weights.length; id++) {
            // From the maximum, so that nothing overflows.
            weights[id] = Math.exp((logits[id] - max) / temperature);
            total += weights[id];
        }
        double left = random.nextDouble() * total;
        int chosen = 0;
        for (int id = 0; id < weights.length; id++) {
            if (weights[id] > 0) {
                // Kept in case rounding leaves something after the last.
                chosen = id;
                left -= weights[id];
                if (left < 0) {
                    break;
                }
            }
        }
        return chosen;
    }
}
