package org.minigpt.train;

import java.util.Objects;
import org.minigpt.train.Evaluator.Losses;

/**
 * What an evaluation found.
 *
 * @param iteration the number of steps that the model has had
 * @param losses on both splits
 * @param best whether the validation loss is the lowest of the run so far
 * @param nanos the time that the evaluation took, in nanoseconds
 */
public record EvalReport(long iteration, Losses losses, boolean best, long nanos) {
    public EvalReport {
        Objects.requireNonNull(losses, "losses");
    }

    /** @return the loss on the training split, in nats a token */
    public double trainLoss() {
        return losses.train();
    }

    /** @return the loss on the validation split, in nats a token */
    public double validationLoss() {
        return losses.validation();
    }
}
