package org.minigpt.train;

import org.nd4j.shade.jackson.annotation.JsonCreator;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/** {@link LearningRate#constant}; the JSON of saved networks has the name of this class. */
record ConstantRate(@JsonProperty("learningRate") double learningRate) implements LearningRate.Schedule {

    @JsonCreator
    ConstantRate {
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
