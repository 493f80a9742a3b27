package org.minigpt.train;

import org.minigpt.model.Gpt;

/** Measures the losses of a model, without dropout and without changing it; see {@link Evaluation}. */
@FunctionalInterface
public interface Evaluator {
    /** @return the losses of the model as it is now */
    Losses evaluate(Gpt gpt);
}
