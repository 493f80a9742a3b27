package org.minigpt.train;

import org.nd4j.shade.jackson.annotation.JsonCreator;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/** {@link LearningRate#warmupLinear}; the JSON of saved networks has the name of this class. */
record WarmupLinear(
        @JsonProperty("learningRate") double learningRate,
        @JsonProperty("minLr") double minLr,
        @JsonProperty("warmupIters") int warmupIters,
        @JsonProperty("lrDecayIters") int lrDecayIters)
        implements LearningRate.Schedule {

    @JsonCreator
    WarmupLinear {
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
