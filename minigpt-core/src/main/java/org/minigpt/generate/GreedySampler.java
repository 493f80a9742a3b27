package org.minigpt.generate;

/** Always the most likely token; of several equally likely ones that with the lowest id. */
public record GreedySampler() implements Sampler {
    @Override
    public int next(double[] logits) {
        return Logits.argMax(logits);
    }
}
