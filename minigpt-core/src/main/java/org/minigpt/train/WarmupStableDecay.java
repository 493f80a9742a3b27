package org.minigpt.train;

import org.minigpt.MiniGptException;
import org.nd4j.shade.jackson.annotation.JsonCreator;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * A linear rise, a long constant stretch, a short linear fall and a constant rest (Hu et al. 2024, "MiniCPM"; Hägele et
 * al. 2024, "Scaling Laws and Compute-Optimal Training Beyond Fixed Training Durations"). A run can be lengthened as
 * long as the fall has not begun. The rise is {@link WarmupCosine}'s.
 *
 * <pre>
 * i &lt; warmupIters:   learningRate·(i + 1) / (warmupIters + 1)
 * i ≤ decayStart:    learningRate
 * i ≤ lrDecayIters:  learningRate - (learningRate - minLr)·(i - decayStart) / (lrDecayIters - decayStart)
 * beyond:            minLr
 * </pre>
 *
 * @param learningRate the highest rate, from iteration {@code warmupIters} to {@code decayStart}
 * @param minLr the rate from iteration {@code lrDecayIters} on
 * @param warmupIters the iterations of the rise, 0 for none
 * @param decayStart the iteration from which the rate falls
 * @param lrDecayIters the iteration at which the fall ends
 */
public record WarmupStableDecay(
        @JsonProperty("learningRate") double learningRate,
        @JsonProperty("minLr") double minLr,
        @JsonProperty("warmupIters") int warmupIters,
        @JsonProperty("decayStart") int decayStart,
        @JsonProperty("lrDecayIters") int lrDecayIters)
        implements RateSchedule {

    /** @throws MiniGptException if a value is out of range or the values do not fit each other */
    @JsonCreator
    public WarmupStableDecay {
        Checks.requireDecay(learningRate, minLr, warmupIters, lrDecayIters);
        if (decayStart < warmupIters || decayStart >= lrDecayIters) {
            throw new MiniGptException("lr_decay_start " + decayStart + " is not between warmup_iters " + warmupIters
                    + " and lr_decay_iters " + lrDecayIters
                    + "; choose one that is, nine tenths of max_iters is usual");
        }
    }

    @Override
    public double at(long iteration) {
        if (iteration < warmupIters) {
            return learningRate * (iteration + 1) / (warmupIters + 1);
        }
        if (iteration <= decayStart) {
            return learningRate;
        }
        if (iteration > lrDecayIters) {
            return minLr;
        }
        double decayRatio = (double) (iteration - decayStart) / (lrDecayIters - decayStart); // from 0 to 1
        return learningRate - decayRatio * (learningRate - minLr);
    }

    @Override
    public WarmupStableDecay clone() {
        return this;
    }
}
