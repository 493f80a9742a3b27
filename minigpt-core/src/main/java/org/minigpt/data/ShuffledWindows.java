package org.minigpt.data;

import java.io.Serializable;
import org.minigpt.MiniGptException;
import org.minigpt.internal.random.SplitMix64;

/**
 * Batches of windows without replacement: for each epoch the text is cut into windows that follow each other, from an
 * offset that is drawn anew, and each of them comes once, in an order that is drawn anew. {@link RandomWindows},
 * nanoGPT's way, sees some tokens several times in an epoch's worth of batches, and 1/e of them never.
 *
 * <p>A batch is a function of the seed and its index alone, as there, however long the text is. Immutable and safe for use by several threads.
 */
public final class ShuffledWindows implements Serializable {
    private static final long serialVersionUID = 1L;

    private final Tokens ids;
    private final int batchSize;
    private final int blockSize;
    private final long seed;
    private final long windows;
    private final long offsets;
    private final Shuffle shuffle;

    /**
     * @param ids the token ids of one split; not copied, not to be changed
     * @param batchSize B, the windows of a batch
     * @param blockSize T, the tokens of a window
     * @throws MiniGptException if a size is below 1, B * T is no array's length, or there are fewer than T + 1 ids
     */
    public ShuffledWindows(Tokens ids, int batchSize, int blockSize, long seed) {
        Checks.requireSizes(batchSize, blockSize);
        Checks.requireWindow("the text", ids.length(), blockSize);
        this.ids = ids;
        this.batchSize = batchSize;
        this.blockSize = blockSize;
        this.seed = seed;
        // This many fit from T offsets at least, and the token after the last of them.
        windows = Math.max(1, ids.length() / blockSize - 1);
        offsets = ids.length() - windows * blockSize;
        shuffle = new Shuffle(windows);
    }

    /** @return W, the windows of an epoch */
    public long windows() {
        return windows;
    }

    /**
     * The batch of an index. Its windows follow those of the index before; an epoch may end within it.
     *
     * @param index from 0
     * @return B windows, every target counted
     */
    public Batch batch(long index) {
        long[] starts = new long[batchSize];
        for (int row = 0; row < batchSize; row++) {
            long place = index * batchSize + row;
            long key = SplitMix64.at(seed, place / windows); // of the epoch
            long offset = Math.floorMod(SplitMix64.next(key), offsets);
            starts[row] = offset + blockSize * shuffle.at(key, place % windows);
        }
        return Batch.of(ids, blockSize, starts);
    }
}
