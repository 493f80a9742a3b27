package org.minigpt.train;

/**
 * What a step did.
 *
 * @param iteration of the step, from 0: after it, {@code iteration + 1} steps are done
 * @param loss of its batch before the update, in nats a token, with dropout
 * @param gradientNorm the global norm of the gradients before clipping
 * @param learningRate the rate of this step
 * @param tokens the tokens of its batch, B·T
 * @param nanos the time that the step took, in nanoseconds
 */
public record StepReport(
        long iteration, double loss, double gradientNorm, double learningRate, long tokens, long nanos) {}
