package org.minigpt.cli.report;

import org.minigpt.train.StepReport;

/** Steps in sums: those since the last evaluation, or all. */
final class StepWindow {
    private final RunScale scale;
    private long steps;
    private long clipped;
    private long tokens;
    private long nanos;
    private double normSum;
    private double learningRate;

    StepWindow(RunScale scale) {
        this.scale = scale;
    }

    void add(StepReport report) {
        steps++;
        clipped += scale.clips(report.gradientNorm()) ? 1 : 0;
        tokens += report.tokens();
        nanos += report.nanos();
        normSum += report.gradientNorm();
        learningRate = report.learningRate();
    }

    /** Takes over the steps of another window. */
    void set(StepWindow other) {
        steps = other.steps;
        clipped = other.clipped;
        tokens = other.tokens;
        nanos = other.nanos;
        normSum = other.normSum;
        learningRate = other.learningRate;
    }

    void clear() {
        steps = 0;
        clipped = 0;
        tokens = 0;
        nanos = 0;
        normSum = 0;
    }

    long steps() {
        return steps;
    }

    /** Steps whose gradients were clipped. */
    long clipped() {
        return clipped;
    }

    /** The mean norm of the gradients before clipping. */
    double gradientNorm() {
        return normSum / steps;
    }

    /** The rate of the last step. */
    double learningRate() {
        return learningRate;
    }

    double tokensPerSecond() {
        return tokens * 1e9 / nanos;
    }
}
