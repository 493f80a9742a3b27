package org.minigpt.train;

import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.minigpt.model.Gpt;

/** Measures the losses of a model, without dropout and without changing it; see {@link Evaluation}. */
@FunctionalInterface
public interface Evaluator {
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
