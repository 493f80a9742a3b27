package org.minigpt.data;

import java.io.Serializable;
import java.util.Arrays;
import java.util.Iterator;
import org.minigpt.MiniGptException;

/**
 * A whole split, window by window, in order: every token but the first is a target exactly once. Windows do not
 * overlap, so window i holds the tokens from i * T on. Where the last window runs past the end of the text, x is
 * padded with 0 and y with {@link Batch#IGNORE_INDEX}; the last batch has as many rows as there are windows left.
 *
 * <p>Batches are not equally long, so a mean over the split weighs each batch's mean by its
 * {@link Batch#targetCount()}; the sum of those is n - 1. Each {@link #iterator()} starts at the beginning.
 */
public final class SequentialWindows implements Iterable<Batch>, Serializable {
    private static final long serialVersionUID = 1L;

    private final Tokens ids;
    private final int batchSize;
    private final int blockSize;
    private final long windowCount;

    /**
     * @param ids the token ids of one split, at least two, even if they fill no window; not copied, not to be changed
     * @param batchSize B, the most windows of a batch
     * @param blockSize T, the tokens of a window
     * @throws MiniGptException if a size is below 1, B * T is no array's length, or there are fewer than two ids
     */
    public SequentialWindows(int[] ids, int batchSize, int blockSize) {
        this(Tokens.of(ids), batchSize, blockSize);
    }

    /** As with an array; a text may have more than 2^31 tokens. */
    public SequentialWindows(Tokens ids, int batchSize, int blockSize) {
        Checks.requireSizes(batchSize, blockSize);
        if (ids.length() < 2) {
            throw new MiniGptException("the text has " + ids.length() + (ids.length() == 1 ? " token" : " tokens")
                    + ", but a token and its target are two; give more text");
        }
        this.ids = ids;
        this.batchSize = batchSize;
        this.blockSize = blockSize;
        this.windowCount = ceilDiv(ids.length() - 1, blockSize);
    }

    /** The number of batches of one pass. */
    public long batchCount() {
        return ceilDiv(windowCount, batchSize);
    }

    @Override
    public Iterator<Batch> iterator() {
        return epoch().batches();
    }

    Epoch epoch() {
        return new RowsEpoch(batchSize, windowCount, this::batch);
    }

    private Batch batch(long firstWindow, int rows) {
        int[] x = new int[rows * blockSize];
        int[] y = new int[x.length];
        Arrays.fill(y, Batch.IGNORE_INDEX);
        // Only the last window can be short, so the tokens of all rows follow each other without a gap.
        long start = firstWindow * blockSize;
        int length = (int) Math.min(x.length, ids.length() - 1 - start);
        ids.copy(start, x, 0, length);
        System.arraycopy(x, 1, y, 0, length - 1);
        ids.copy(start + length, y, length - 1, 1);
        return new Batch(rows, blockSize, x, y);
    }

    private static long ceilDiv(long dividend, long divisor) {
        // Not (a + b - 1) / b, which overflows for large sizes.
        return dividend / divisor + (dividend % divisor == 0 ? 0 : 1);
    }
}
