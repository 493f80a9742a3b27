package org.minigpt.train;

import java.io.Serializable;
import org.minigpt.data.Batch;
import org.minigpt.data.RandomWindows;
import org.minigpt.data.ShuffledWindows;
import org.minigpt.data.Tokens;

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

    /**
     * Windows of a text, drawn as the settings say.
     *
     * @param blockSize T, the tokens of a window
     * @return a source that can be serialized, as the text can
     * @throws org.minigpt.MiniGptException if the text has no window
     */
    static BatchSource windows(Tokens ids, TrainConfig config, int blockSize) {
        return switch (config.windows()) {
            case RANDOM ->
                (BatchSource & Serializable)
                        new RandomWindows(ids, config.batchSize(), blockSize, config.seed())::batch;
            case EPOCH ->
                (BatchSource & Serializable)
                        new ShuffledWindows(ids, config.batchSize(), blockSize, config.seed())::batch;
        };
    }

    /** @return the same batch always: what a model of some size must be able to learn by heart */
    static BatchSource always(Batch batch) {
        return iteration -> batch;
    }
}
