package org.minigpt.train;

import org.minigpt.data.Batch;

/**
 * The batches of a run. Give the same batch for the same iteration whenever asked: then a run repeats, and one that
 * goes on after a stop is the run that never stopped.
 */
@FunctionalInterface
public interface BatchSource {
    /**
     * @param iteration from 0; with k batches accumulated for each step, those of step i are k·i to k·i + k - 1
     * @return the batch of this iteration's step, at most block_size tokens long
     */
    Batch batch(long iteration);

    /** @return the same batch always: what a model of some size must be able to learn by heart */
    static BatchSource always(Batch batch) {
        return iteration -> batch;
    }
}
