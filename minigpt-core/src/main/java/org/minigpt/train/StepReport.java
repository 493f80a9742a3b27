package org.minigpt.train;

/**
 * What a step did.
 *
 * @param iteration of the step, from 0: after it, {@code iteration + 1} steps are done
 * @param loss of its batch before the update, in nats a token, with dropout
 * @param gradientNorm the global norm of the gradients before clipping
 * @param learningRate the rate of this step
 * @param tokens the tokens of its batches, B·T each
 * @param skipped whether it was an outlier and changed nothing
 * @param nanos the time that the step took, in nanoseconds
 */
public record StepReport(
        long iteration,
        double loss,
        double gradientNorm,
        double learningRate,
        long tokens,
        boolean skipped,
        long nanos) {

    /** What a step did that was not skipped. */
    public StepReport(long iteration, double loss, double gradientNorm, double learningRate, long tokens, long nanos) {
        this(iteration, loss, gradientNorm, learningRate, tokens, false, nanos);
    }
}
