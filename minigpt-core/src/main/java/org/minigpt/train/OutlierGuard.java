package org.minigpt.train;

import java.util.Objects;

/**
 * Tells the steps whose loss or gradient norm is an outlier, so that one bad batch does not undo many good ones: values
 * that lie more than a number of standard deviations above a running mean (as in Kumar et al. 2025, "ZClip", which
 * scales such gradients down). Mean and variance are exponentially weighted (West 1979), about 33 steps long.
 */
public final class OutlierGuard {
    private static final double FORGETTING = 0.03;
    /** Steps of which none is skipped: until then the variance is a guess. */
    private static final int FIRST_STEPS = 50;
    /** The least standard deviation, as a share of the mean: else the steadier a run, the less would be an outlier. */
    private static final double LEAST_DEVIATION = 0.01;

    private final double limit;
    private State state = State.NONE;

    /**
     * The statistics of a value.
     *
     * @param mean of the steps so far
     * @param variance of the steps so far
     */
    public record Statistic(double mean, double variance) {
        private double threshold(double limit) {
            return mean + limit * Math.max(Math.sqrt(variance), LEAST_DEVIATION * Math.abs(mean));
        }

        private Statistic with(double value, double weight) {
            double difference = value - mean;
            return new Statistic(
                    mean + weight * difference, (1 - weight) * (variance + weight * difference * difference));
        }
    }

    /**
     * What a guard remembers.
     *
     * @param steps the steps that it has seen
     * @param skipped how many of them were outliers
     * @param loss the statistics of the losses
     * @param gradientNorm the statistics of the gradient norms
     */
    public record State(long steps, long skipped, Statistic loss, Statistic gradientNorm) {
        /** Of a guard that has seen nothing. */
        public static final State NONE = new State(0, 0, new Statistic(0, 0), new Statistic(0, 0));

        public State {
            Objects.requireNonNull(loss, "loss");
            Objects.requireNonNull(gradientNorm, "gradientNorm");
        }
    }

    /** @param limit the standard deviations above the mean from which a value is an outlier; 0 for never */
    OutlierGuard(double limit) {
        this.limit = limit;
    }

    /** @return whether the step with these values is to be skipped; both are finite */
    boolean isOutlier(double loss, double gradientNorm) {
        if (limit == 0) {
            return false;
        }
        double highestLoss = state.loss.threshold(limit);
        double highestNorm = state.gradientNorm.threshold(limit);
        boolean outlier = state.steps >= FIRST_STEPS && (loss > highestLoss || gradientNorm > highestNorm);
        // An outlier counts as what just passes: it hardly moves the mean, yet a lasting change is learnt in the end.
        double usualLoss = outlier ? Math.min(loss, highestLoss) : loss;
        double usualNorm = outlier ? Math.min(gradientNorm, highestNorm) : gradientNorm;
        double weight = Math.max(FORGETTING, 1.0 / (state.steps + 1));
        state = new State(
                state.steps + 1,
                state.skipped + (outlier ? 1 : 0),
                state.loss.with(usualLoss, weight),
                state.gradientNorm.with(usualNorm, weight));
        return outlier;
    }

    State state() {
        return state;
    }

    void restore(State state) {
        this.state = state;
    }
}
