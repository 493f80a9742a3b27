package org.minigpt.train;

/**
 * The same learning rate always.
 *
 * @param learningRate of every iteration, positive
 */
public record ConstantRate(double learningRate) implements LearningRate {

    /** @throws org.minigpt.util.MiniGptException if the rate is not positive */
    public ConstantRate {
        Checks.requirePositive("learning_rate", learningRate, "1e-3");
    }

    @Override
    public double at(long iteration) {
        return learningRate;
    }
}
