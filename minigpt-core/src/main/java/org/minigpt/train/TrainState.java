package org.minigpt.train;

import java.time.Instant;
import java.util.Objects;
import java.util.Optional;
import org.minigpt.MiniGptException;

/**
 * What a {@link Trainer} remembers, besides the parameters and the moments of the optimizer. Batches and dropout masks
 * are functions of the seed and the iteration, so the iteration is the place in the data and in the random numbers too.
 *
 * @param started when the run began, to the microsecond; a run that goes on began when it first did, so that this tells
 *     it from others in the same folder
 * @param iteration the number of steps done or skipped
 * @param optimizerSteps the number of steps that the optimizer has taken
 * @param lastEvaluation the newest evaluation
 * @param bestEvaluation the evaluation with the lowest validation loss
 * @param evaluationsSinceBest the evaluations after it
 * @param outliers the statistics of losses and gradient norms
 */
public record TrainState(
        Instant started,
        long iteration,
        long optimizerSteps,
        Optional<EvalReport> lastEvaluation,
        Optional<EvalReport> bestEvaluation,
        int evaluationsSinceBest,
        Outliers outliers) {

    /**
     * What is remembered to tell steps that are outliers.
     *
     * @param steps those that were looked at
     * @param skipped how many of them were outliers
     * @param loss the statistics of the losses
     * @param gradientNorm the statistics of the gradient norms
     */
    public record Outliers(long steps, long skipped, Statistic loss, Statistic gradientNorm) {
        /** Of a run that has looked at nothing. */
        public static final Outliers NONE = new Outliers(0, 0, new Statistic(0, 0), new Statistic(0, 0));

        public Outliers {
            Objects.requireNonNull(loss, "loss");
            Objects.requireNonNull(gradientNorm, "gradientNorm");
        }
    }

    /**
     * The statistics of a value.
     *
     * @param mean of the steps so far
     * @param variance of the steps so far
     */
    public record Statistic(double mean, double variance) {}

    /** @throws MiniGptException if a count is negative */
    public TrainState {
        if (iteration < 0 || optimizerSteps < 0 || evaluationsSinceBest < 0) {
            throw new MiniGptException("a run can't be at iteration " + iteration + " after " + optimizerSteps
                    + " steps of the optimizer and " + evaluationsSinceBest
                    + " evaluations since the best; restore the state that was saved");
        }
        Objects.requireNonNull(started, "started");
        Objects.requireNonNull(lastEvaluation, "lastEvaluation");
        Objects.requireNonNull(bestEvaluation, "bestEvaluation");
        Objects.requireNonNull(outliers, "outliers");
    }
}
