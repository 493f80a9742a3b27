package org.minigpt.data;

import java.io.Serializable;
import java.util.NoSuchElementException;
import org.minigpt.util.MiniGptException;

/** The batches F to F + N - 1 of random windows, one after the other: what DL4J's iterators go through. */
final class Epoch implements Serializable {
    private static final long serialVersionUID = 1L;

    private final RandomWindows windows;
    private final long firstBatch;
    private final int batches;
    private int position;

    /**
     * @param firstBatch F, the index of the first batch
     * @param batches N
     * @throws MiniGptException if N is below 1
     */
    Epoch(RandomWindows windows, long firstBatch, int batches) {
        Checks.requireAtLeastOne("number of batches of an epoch", batches);
        this.windows = windows;
        this.firstBatch = firstBatch;
        this.batches = batches;
    }

    /** @return the same batches, from the first on */
    Epoch again() {
        return new Epoch(windows, firstBatch, batches);
    }

    /** @return B, the windows of a batch */
    int batchSize() {
        return windows.batchSize();
    }

    boolean hasNext() {
        return position < batches;
    }

    /**
     * @param num the number of windows
     * @throws MiniGptException if it is below 1, or too large for an array
     * @throws NoSuchElementException if the epoch is over
     */
    Batch next(int num) {
        if (!hasNext()) {
            throw new NoSuchElementException(
                    "The epoch of " + batches + " batches is over: call reset() to go through it again.");
        }
        Batch batch = windows.batch(firstBatch + position, num);
        position++;
        return batch;
    }

    /** Goes back to the first batch. */
    void reset() {
        position = 0;
    }
}
