package org.minigpt.train;

import java.io.Serializable;
import java.util.Objects;

/**
 * The settings of a run. The defaults are the lecture's small GPT: 5000 iterations of 16 windows at the constant rate
 * 1e-3, PyTorch's AdamW, no clipping, and 200 random batches of each split every 500 iterations.
 *
 * @param batchSize B, the windows of a batch
 * @param windows how the windows are drawn
 * @param gradientAccumulationSteps the batches whose gradients are averaged for a step
 * @param maxIters the number of steps
 * @param learningRate the rate of each step
 * @param optimizer the optimizer's settings
 * @param gradClip the global norm to which gradients are clipped; 0 for no clipping
 * @param evalInterval the iterations from one evaluation to the next
 * @param evalIters the random batches of each split that an evaluation takes; 0 for the whole of both splits
 * @param patience the evaluations in a row without a new best that end the run; 0 for never
 * @param skipOutliers the standard deviations above its running mean from which a step's loss or gradient norm is an
 *     outlier, and the step is skipped (as in Kumar et al. 2025, "ZClip"); 0 for never
 * @param seed of the batches and of dropout
 */
public record TrainConfig(
        int batchSize,
        Windows windows,
        int gradientAccumulationSteps,
        int maxIters,
        LearningRate learningRate,
        Optimizer.Config optimizer,
        double gradClip,
        int evalInterval,
        int evalIters,
        int patience,
        double skipOutliers,
        long seed)
        implements Serializable {

    /** How the windows of the training split are drawn. */
    public enum Windows {
        /**
         * From anywhere, with replacement, as in the lecture and in nanoGPT: {@link org.minigpt.data.RandomWindows}.
         */
        RANDOM,
        /** Each once an epoch: {@link org.minigpt.data.ShuffledWindows}. */
        EPOCH
    }

    /** @throws org.minigpt.MiniGptException if a value is out of its range */
    public TrainConfig {
        Checks.requireAtLeast(1, "batch_size", batchSize);
        Objects.requireNonNull(windows, "windows");
        Checks.requireAtLeast(1, "gradient_accumulation_steps", gradientAccumulationSteps);
        Checks.requireAtLeast(0, "max_iters", maxIters);
        Objects.requireNonNull(learningRate, "learningRate");
        Objects.requireNonNull(optimizer, "optimizer");
        Checks.requireNotNegative("grad_clip", gradClip, "1.0");
        Checks.requireAtLeast(1, "eval_interval", evalInterval);
        Checks.requireAtLeast(0, "eval_iters", evalIters);
        Checks.requireAtLeast(0, "patience", patience);
        Checks.requireNotNegative("skip_outliers", skipOutliers, "5");
    }

    /** The settings that every run has, with no accumulation, early stopping or skipping. */
    public TrainConfig(
            int batchSize,
            int maxIters,
            LearningRate learningRate,
            Optimizer.Config optimizer,
            double gradClip,
            int evalInterval,
            int evalIters,
            long seed) {
        this(
                batchSize,
                Windows.RANDOM,
                1,
                maxIters,
                learningRate,
                optimizer,
                gradClip,
                evalInterval,
                evalIters,
                0,
                0,
                seed);
    }

    /** @return a builder with the lecture's settings */
    public static Builder builder() {
        return new Builder();
    }

    /** @return a builder with these settings */
    public Builder toBuilder() {
        return new Builder()
                .batchSize(batchSize)
                .windows(windows)
                .gradientAccumulationSteps(gradientAccumulationSteps)
                .maxIters(maxIters)
                .learningRate(learningRate)
                .optimizer(optimizer)
                .gradClip(gradClip)
                .evalInterval(evalInterval)
                .evalIters(evalIters)
                .patience(patience)
                .skipOutliers(skipOutliers)
                .seed(seed);
    }

    /** Collects the values; {@link #build} checks them. */
    public static final class Builder {
        private int batchSize = 16;
        private Windows windows = Windows.RANDOM;
        private int gradientAccumulationSteps = 1;
        private int maxIters = 5000;
        private LearningRate learningRate = LearningRate.constant(1e-3);
        private Optimizer.Config optimizer = AdamWConfig.pytorch();
        private double gradClip;
        private int evalInterval = 500;
        private int evalIters = 200;
        private int patience;
        private double skipOutliers;
        private long seed = 1337;

        private Builder() {}

        /** Sets B, the windows of a batch; 16 by default. */
        public Builder batchSize(int batchSize) {
            this.batchSize = batchSize;
            return this;
        }

        /** Sets how the windows are drawn; from anywhere, with replacement, by default. */
        public Builder windows(Windows windows) {
            this.windows = windows;
            return this;
        }

        /** Sets the batches whose gradients are averaged for a step, as if they were one; 1 by default. */
        public Builder gradientAccumulationSteps(int gradientAccumulationSteps) {
            this.gradientAccumulationSteps = gradientAccumulationSteps;
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

        /** Sets the optimizer's settings; AdamW's, PyTorch's defaults, by default. */
        public Builder optimizer(Optimizer.Config optimizer) {
            this.optimizer = optimizer;
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

        /** Sets the evaluations in a row without a new best that end the run; 0, never, by default. */
        public Builder patience(int patience) {
            this.patience = patience;
            return this;
        }

        /** Sets the standard deviations from which a step is skipped as an outlier; 0, never, by default. */
        public Builder skipOutliers(double skipOutliers) {
            this.skipOutliers = skipOutliers;
            return this;
        }

        /** Sets the seed of batches and dropout; 1337, the lecture's, by default. */
        public Builder seed(long seed) {
            this.seed = seed;
            return this;
        }

        /** @throws org.minigpt.MiniGptException if a value is out of its range */
        public TrainConfig build() {
            return new TrainConfig(
                    batchSize,
                    windows,
                    gradientAccumulationSteps,
                    maxIters,
                    learningRate,
                    optimizer,
                    gradClip,
                    evalInterval,
                    evalIters,
                    patience,
                    skipOutliers,
                    seed);
        }
    }
}
