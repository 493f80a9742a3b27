package org.minigpt.train;

import org.nd4j.shade.jackson.annotation.JsonCreator;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * The same learning rate always.
 *
 * @param learningRate of every iteration, positive
 */
public record ConstantRate(@JsonProperty("learningRate") double learningRate) implements RateSchedule {

    /** @throws org.minigpt.MiniGptException if the rate is not positive */
    @JsonCreator
    public ConstantRate {
        Checks.requirePositive("learning_rate", learningRate, "1e-3");
    }

    @Override
    public double at(long iteration) {
        return learningRate;
    }

    @Override
    public ConstantRate clone() {
        return this;
    }
}
