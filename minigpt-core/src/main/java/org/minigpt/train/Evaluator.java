package org.minigpt.train;

import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.minigpt.data.TokenDataset.Split;
import org.minigpt.model.Gpt;

/** Measures the losses of a model, without dropout and without changing it; see {@link Evaluation}. */
@FunctionalInterface
public interface Evaluator {

    /**
     * The loss on both splits, in nats a token.
     *
     * @param train mean cross-entropy on the training split
     * @param validation mean cross-entropy on the validation split
     */
    record Losses(double train, double validation) {

        /** @return the loss of one split */
        public double of(Split split) {
            return split == Split.TRAIN ? train : validation;
        }
    }

    /** @return the losses of the model as it is now */
    Losses evaluate(Gpt gpt);

    /**
     * The same, but given up when it is no longer wanted: a long evaluation need not keep a run from stopping.
     *
     * @param stopped asked between batches by the evaluators of {@link Evaluation}; others may leave this as it is
     * @return nothing if it was given up
     */
    default Optional<Losses> evaluate(Gpt gpt, BooleanSupplier stopped) {
        return Optional.of(evaluate(gpt));
    }
}
