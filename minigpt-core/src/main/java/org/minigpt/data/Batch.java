package org.minigpt.data;

import java.util.Arrays;
import org.minigpt.util.MiniGptException;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * B windows of T tokens with their targets. Both arrays are row-major [B, T]: the token of row b at time t stands at
 * {@code b * T + t}, and its target is the token that follows it in the text. The arrays are not copied.
 *
 * @param batchSize B, the number of windows
 * @param blockSize T, the tokens of a window
 * @param x the tokens
 * @param y the targets; {@link #IGNORE} where there is none to be counted in the loss
 */
public record Batch(int batchSize, int blockSize, int[] x, int[] y) {
    /** The target that the loss does not count. */
    public static final int IGNORE = -1;

    /** @throws MiniGptException if a size is below 1 or an array has not B * T entries */
    public Batch {
        Checks.requireSizes(batchSize, blockSize);
        requireLength("x", x, batchSize, blockSize);
        requireLength("y", y, batchSize, blockSize);
    }

    /** The windows of a text that begin at these places, each with the tokens that follow as targets. */
    static Batch of(Tokens ids, int blockSize, long[] starts) {
        int[] window = new int[blockSize + 1];
        int[] x = new int[starts.length * blockSize];
        int[] y = new int[x.length];
        for (int row = 0; row < starts.length; row++) {
            ids.copy(starts[row], window, 0, window.length);
            System.arraycopy(window, 0, x, row * blockSize, blockSize);
            System.arraycopy(window, 1, y, row * blockSize, blockSize);
        }
        return new Batch(starts.length, blockSize, x, y);
    }

    /** The tokens as a new INT array [B, T]. */
    public INDArray xArray() {
        return array(x);
    }

    /** The targets as a new INT array [B, T]. */
    public INDArray yArray() {
        return array(y);
    }

    /** The number of targets that count: those that are not {@link #IGNORE}. */
    public int targetCount() {
        int count = 0;
        for (int target : y) {
            if (target != IGNORE) {
                count++;
            }
        }
        return count;
    }

    private INDArray array(int[] values) {
        return Nd4j.createFromArray(values).reshape('c', batchSize, blockSize);
    }

    private static void requireLength(String name, int[] array, int batchSize, int blockSize) {
        if (array.length != (long) batchSize * blockSize) {
            throw new MiniGptException("The batch's " + name + " has " + array.length + " entries, but batch size "
                    + batchSize + " and block size " + blockSize + " make " + (long) batchSize * blockSize
                    + ": give [B, T] row by row.");
        }
    }

    // A record's own equals compares arrays by identity, which two equal batches never share.

    @Override
    public boolean equals(Object other) {
        return other instanceof Batch batch
                && batchSize == batch.batchSize
                && blockSize == batch.blockSize
                && Arrays.equals(x, batch.x)
                && Arrays.equals(y, batch.y);
    }

    @Override
    public int hashCode() {
        return 31 * (31 * (31 * batchSize + blockSize) + Arrays.hashCode(x)) + Arrays.hashCode(y);
    }

    @Override
    public String toString() {
        return "Batch[" + batchSize + " x " + blockSize + ", " + targetCount() + " targets]";
    }
}
