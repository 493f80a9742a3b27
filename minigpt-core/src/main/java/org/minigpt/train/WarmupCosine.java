package org.minigpt.train;

import org.nd4j.shade.jackson.annotation.JsonCreator;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/** {@link LearningRate#warmupCosine}; the JSON of saved networks has the name of this class. */
record WarmupCosine(
        @JsonProperty("learningRate") double learningRate,
        @JsonProperty("minLr") double minLr,
        @JsonProperty("warmupIters") int warmupIters,
        @JsonProperty("lrDecayIters") int lrDecayIters)
        implements LearningRate.Schedule {

    @JsonCreator
    WarmupCosine {
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
