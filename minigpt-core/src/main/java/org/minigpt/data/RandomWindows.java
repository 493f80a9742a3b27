package org.minigpt.data;

import java.io.Serializable;
import java.util.Random;
import org.minigpt.MiniGptException;
import org.minigpt.internal.random.SplitMix64;

/**
 * Batches of windows that start anywhere, drawn uniformly and with replacement, as in the lecture and in nanoGPT's
 * {@code get_batch}: {@code ix = torch.randint(len(data) - block_size, (batch_size,))}. So a window starts in
 * [0, n - T - 1], both included, and every token but the first can be a target.
 *
 * <p>A batch is a function of the seed and its index alone, whatever was drawn before: a run repeats bit for bit, and
 * one that resumes at iteration i asks for batch i. Immutable and safe for use by several threads.
 */
public final class RandomWindows implements Serializable {
    private static final long serialVersionUID = 1L;

    private final Tokens ids;
    private final int batchSize;
    private final int blockSize;
    private final long seed;

    /**
     * @param ids the token ids of one split; not copied, not to be changed
     * @param batchSize B, the windows of a batch
     * @param blockSize T, the tokens of a window
     * @param seed windows of different seeds have nothing to do with each other, even of neighbours like 1 and 2
     * @throws MiniGptException if a size is below 1, B * T is no array's length, or there are fewer than T + 1 ids
     */
    public RandomWindows(int[] ids, int batchSize, int blockSize, long seed) {
        this(Tokens.of(ids), batchSize, blockSize, seed);
    }

    /** As with an array; a text may have more than 2^31 tokens. */
    public RandomWindows(Tokens ids, int batchSize, int blockSize, long seed) {
        Checks.requireSizes(batchSize, blockSize);
        Checks.requireWindow("the text", ids.length(), blockSize);
        this.ids = ids;
        this.batchSize = batchSize;
        this.blockSize = blockSize;
        this.seed = seed;
    }

    /** B, the windows of a batch. */
    public int batchSize() {
        return batchSize;
    }

    /** T, the tokens of a window. */
    public int blockSize() {
        return blockSize;
    }

    /**
     * The batch of an index.
     *
     * @param index any number; a training run uses its iteration
     * @return B windows, every target counted
     */
    public Batch batch(long index) {
        return batch(index, batchSize);
    }

    /** The batch of an index with another number of windows: the fewer are the first of the more. */
    Batch batch(long index, int rows) {
        Checks.requireSizes(rows, blockSize);
        // Not SplittableRandom: only of java.util.Random does the specification fix the numbers for every JDK.
        Random random = new Random(SplitMix64.at(seed, index));
        long bound = ids.length() - blockSize;
        long[] starts = new long[rows];
        for (int row = 0; row < rows; row++) {
            starts[row] = below(bound, random);
        }
        return Batch.of(ids, blockSize, starts);
    }

    /** A uniform number in [0, bound): the method of {@link Random#nextInt(int)}, for bounds that are no int too. */
    private static long below(long bound, Random random) {
        if (bound <= Integer.MAX_VALUE) {
            return random.nextInt((int) bound);
        }
        // Numbers from the last, incomplete multiple of the bound on would favour small remainders.
        long bits;
        long value;
        do {
            bits = random.nextLong() >>> 1;
            value = bits % bound;
        } while (bits - value + (bound - 1) < 0);
        return value;
    }
}
