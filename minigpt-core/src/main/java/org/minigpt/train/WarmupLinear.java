package org.minigpt.train;

import org.nd4j.shade.jackson.annotation.JsonCreator;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * A linear rise, a linear fall and a constant rest; BERT's and GPT-1's schedule. The rise is {@link WarmupCosine}'s.
 *
 * <pre>
 * i &lt; warmupIters:   learningRate·(i + 1) / (warmupIters + 1)
 * i ≤ lrDecayIters:  learningRate - (learningRate - minLr)·(i - warmupIters) / (lrDecayIters - warmupIters)
 * beyond:            minLr
 * </pre>
 *
 * @param learningRate the highest rate, at iteration {@code warmupIters}
 * @param minLr the rate from iteration {@code lrDecayIters} on
 * @param warmupIters the iterations of the rise, 0 for none
 * @param lrDecayIters the iteration at which the fall ends
 */
public record WarmupLinear(
        @JsonProperty("learningRate") double learningRate,
        @JsonProperty("minLr") double minLr,
        @JsonProperty("warmupIters") int warmupIters,
        @JsonProperty("lrDecayIters") int lrDecayIters)
        implements RateSchedule {

    /** @throws org.minigpt.MiniGptException if a value is out of range or the values do not fit each other */
    @JsonCreator
    public WarmupLinear {
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
        double decayRatio = (double) (iteration - warmupIters) / (lrDecayIters - warmupIters); // from 0 to 1
        return learningRate - decayRatio * (learningRate - minLr);
    }

    @Override
    public WarmupLinear clone() {
        return this;
    }
}
