package org.minigpt.train;

import java.util.Optional;

/**
 * How a run ended.
 *
 * @param iterations the number of steps that the model has had, with those that were skipped
 * @param stopped whether {@link Trainer#stop} ended it before the last iteration, or before that was evaluated
 * @param outOfPatience whether it ended because the validation loss did not fall any more
 * @param skippedSteps how many steps were skipped as outliers
 * @param lastEvaluation the newest evaluation, if there was one; after a stop it is older than the model
 * @param bestEvaluation the evaluation with the lowest validation loss, if there was one
 */
public record TrainResult(
        long iterations,
        boolean stopped,
        boolean outOfPatience,
        long skippedSteps,
        Optional<EvalReport> lastEvaluation,
        Optional<EvalReport> bestEvaluation) {}
