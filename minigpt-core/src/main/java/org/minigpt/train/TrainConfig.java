package org.minigpt.train;

import java.util.Objects;

/**
 * The settings of a run. The defaults are the lecture's small GPT: 5000 iterations of 16 windows at the constant rate
 * 1e-3, PyTorch's AdamW, no clipping, and 200 random batches of each split every 500 iterations.
 *
 * @param batchSize B, the windows of a batch
 * @param maxIters the number of steps
 * @param learningRate the rate of each step
 * @param adamW the optimizer's settings
 * @param gradClip the global norm to which gradients are clipped; 0 for no clipping
 * @param evalInterval the iterations from one evaluation to the next
 * @param evalIters the random batches of each split that an evaluation takes; 0 for the whole of both splits
 * @param seed of the batches and of dropout
 */
public record TrainConfig(
        int batchSize,
        int maxIters,
        LearningRate learningRate,
        AdamWConfig adamW,
        double gradClip,
        int evalInterval,
        int evalIters,
        long seed) {

    /** @throws org.minigpt.util.MiniGptException if a value is out of its range */
    public TrainConfig {
        Checks.requireAtLeast(1, "batch_size", batchSize);
        Checks.requireAtLeast(0, "max_iters", maxIters);
        Objects.requireNonNull(learningRate, "learningRate");
        Objects.requireNonNull(adamW, "adamW");
        Checks.requireNotNegative("grad_clip", gradClip, "1.0");
        Checks.requireAtLeast(1, "eval_interval", evalInterval);
        Checks.requireAtLeast(0, "eval_iters", evalIters);
    }

    /** @return a builder with the lecture's settings */
    public static Builder builder() {
        return new Builder();
    }

    /** @return a builder with these settings */
    public Builder toBuilder() {
        return new Builder()
                .batchSize(batchSize)
                .maxIters(maxIters)
                .learningRate(learningRate)
                .adamW(adamW)
                .gradClip(gradClip)
                .evalInterval(evalInterval)
                .evalIters(evalIters)
                .seed(seed);
    }

    /** Collects the values; {@link #build} checks them. */
    public static final class Builder {
        private int batchSize = 16;
        private int maxIters = 5000;
        private LearningRate learningRate = LearningRate.constant(1e-3);
        private AdamWConfig adamW = AdamWConfig.pytorch();
        private double gradClip;
        private int evalInterval = 500;
        private int evalIters = 200;
        private long seed = 1337;

        private Builder() {}

        /** Sets B, the windows of a batch; 16 by default. */
        public Builder batchSize(int batchSize) {
            this.batchSize = batchSize;
            return this;
        }

        /** Sets the number of steps; 5000 by default. */
        public Builder maxIters(int maxIters) {
            this.maxIters = maxIters;
            return this;
        }

        /** Sets a constant learning rate; 1e-3 by default. */
        public Builder learningRate(double learningRate) {
            return learningRate(LearningRate.constant(learningRate));
        }

        /** Sets the schedule of the learning rate; constant by default. */
        public Builder learningRate(LearningRate learningRate) {
            this.learningRate = learningRate;
            return this;
        }

        /** Sets the optimizer's settings; PyTorch's by default. */
        public Builder adamW(AdamWConfig adamW) {
            this.adamW = adamW;
            return this;
        }

        /** Sets the norm to which gradients are clipped; 0, no clipping, by default. */
        public Builder gradClip(double gradClip) {
            this.gradClip = gradClip;
            return this;
        }

        /** Sets the iterations from one evaluation to the next; 500 by default. */
        public Builder evalInterval(int evalInterval) {
            this.evalInterval = evalInterval;
            return this;
        }

        /** Sets the random batches of each split in an evaluation, or 0 for the whole splits; 200 by default. */
        public Builder evalIters(int evalIters) {
            this.evalIters = evalIters;
            return this;
        }

        /** Sets the seed of batches and dropout; 1337, the lecture's, by default. */
        public Builder seed(long seed) {
            this.seed = seed;
            return this;
        }

        /** @throws org.minigpt.util.MiniGptException if a value is out of its range */
        public TrainConfig build() {
            return new TrainConfig(batchSize, maxIters, learningRate, adamW, gradClip, evalInterval, evalIters, seed);
        }
    }
}
