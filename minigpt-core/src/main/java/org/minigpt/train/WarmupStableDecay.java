package org.minigpt.train;

import org.minigpt.MiniGptException;
import org.nd4j.shade.jackson.annotation.JsonCreator;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/** {@link LearningRate#warmupStableDecay}; the JSON of saved networks has the name of this class. */
record WarmupStableDecay(
        @JsonProperty("learningRate") double learningRate,
        @JsonProperty("minLr") double minLr,
        @JsonProperty("warmupIters") int warmupIters,
        @JsonProperty("decayStart") int decayStart,
        @JsonProperty("lrDecayIters") int lrDecayIters)
        implements LearningRate.Schedule {

    @JsonCreator
    WarmupStableDecay {
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
