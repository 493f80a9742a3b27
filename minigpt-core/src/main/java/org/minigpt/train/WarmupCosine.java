package org.minigpt.train;

import org.nd4j.shade.jackson.annotation.JsonCreator;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * nanoGPT's schedule, {@code get_lr} of its {@code train.py}: a linear rise, half a period of a cosine down, and a
 * constant rest (Loshchilov and Hutter 2017, "SGDR", without restarts).
 *
 * <pre>
 * i &lt; warmupIters:   learningRate·(i + 1) / (warmupIters + 1)
 * i ≤ lrDecayIters:  minLr + (learningRate - minLr)·(1 + cos(π·(i - warmupIters) / (lrDecayIters - warmupIters))) / 2
 * beyond:            minLr
 * </pre>
 *
 * <p>Earlier versions of nanoGPT began with {@code learning_rate * it / warmup_iters}, whose first step does nothing.
 *
 * @param learningRate the highest rate, at iteration {@code warmupIters}
 * @param minLr the rate from iteration {@code lrDecayIters} on
 * @param warmupIters the iterations of the rise, 0 for none
 * @param lrDecayIters the iteration at which the fall ends; nanoGPT advises the number of iterations of the run
 */
public record WarmupCosine(
        @JsonProperty("learningRate") double learningRate,
        @JsonProperty("minLr") double minLr,
        @JsonProperty("warmupIters") int warmupIters,
        @JsonProperty("lrDecayIters") int lrDecayIters)
        implements RateSchedule {

    /** @throws org.minigpt.MiniGptException if a value is out of range or the values do not fit each other */
    @JsonCreator
    public WarmupCosine {
        Checks.requireDecay(learningRate, minLr, warmupIters, lrDecayIters);
    }

    @Override
    public double at(long iteration) {
        if (iteration < warmupIters) {
            return learningRate * (iteration + 1) / (warmupIters + 1);
        }
        if (iteration > lrDecayIters) {
            return minLr;
        }
        double decayRatio = (double) (iteration - warmupIters) / (lrDecayIters - warmupIters);
        double coefficient = 0.5 * (1 + Math.cos(Math.PI * decayRatio)); // from 1 to 0
        return minLr + coefficient * (learningRate - minLr);
    }

    @Override
    public WarmupCosine clone() {
        return this;
    }
}
