package org.minigpt.train;

import org.minigpt.train.TrainState.Outliers;
import org.minigpt.train.TrainState.Statistic;

/**
 * Tells the steps whose loss or gradient norm is an outlier, so that one bad batch does not undo many good ones: values
 * that lie more than a number of standard deviations above a running mean (as in Kumar et al. 2025, "ZClip", which
 * scales such gradients down). Mean and variance are exponentially weighted (West 1979), about 33 steps long.
 */
final class OutlierGuard {
    private static final double FORGETTING = 0.03;
    /** Steps of which none is skipped: until then the variance is a guess. */
    private static final int FIRST_STEPS = 50;
    /** The least standard deviation, as a share of the mean: else the steadier a run, the less would be an outlier. */
    private static final double LEAST_DEVIATION = 0.01;

    private final double limit;
    private Outliers state = Outliers.NONE;

    /** @param limit the standard deviations above the mean from which a value is an outlier; 0 for never */
    OutlierGuard(double limit) {
        this.limit = limit;
    }

    /** @return whether the step with these values is to be skipped; both are finite */
    boolean isOutlier(double loss, double gradientNorm) {
        if (limit == 0) {
            return false;
        }
        double highestLoss = threshold(state.loss());
        double highestNorm = threshold(state.gradientNorm());
        boolean outlier = state.steps() >= FIRST_STEPS && (loss > highestLoss || gradientNorm > highestNorm);
        // An outlier counts as what just passes: it hardly moves the mean, yet a lasting change is learnt in the end.
        double usualLoss = outlier ? Math.min(loss, highestLoss) : loss;
        double usualNorm = outlier ? Math.min(gradientNorm, highestNorm) : gradientNorm;
        double weight = Math.max(FORGETTING, 1.0 / (state.steps() + 1));
        state = new Outliers(
                state.steps() + 1,
                state.skipped() + (outlier ? 1 : 0),
                with(state.loss(), usualLoss, weight),
                with(state.gradientNorm(), usualNorm, weight));
        return outlier;
    }

    private double threshold(Statistic values) {
        double deviation = Math.max(Math.sqrt(values.variance()), LEAST_DEVIATION * Math.abs(values.mean()));
        return values.mean() + limit * deviation;
    }

    private static Statistic with(Statistic before, double value, double weight) {
        double difference = value - before.mean();
        return new Statistic(
                before.mean() + weight * difference,
                (1 - weight) * (before.variance() + weight * difference * difference));
    }

    Outliers state() {
        return state;
    }

    void restore(Outliers state) {
        this.state = state;
    }
}
