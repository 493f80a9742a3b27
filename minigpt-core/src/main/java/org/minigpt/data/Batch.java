package org.minigpt.data;

import java.io.Serializable;
import java.util.Arrays;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.minigpt.MiniGptException;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * B windows of T tokens with their targets. Both arrays are row-major [B, T]: the token of row b at time t stands at
 * {@code b * T + t}, and its target is the token that follows it in the text. The arrays are not copied.
 *
 * @param batchSize B, the number of windows
 * @param blockSize T, the tokens of a window
 * @param x the tokens
 * @param y the targets; {@link #IGNORE_INDEX} where there is none to be counted in the loss
 * @param positions where a row holds several texts that are not to see each other, the position of each token in its
 *     text, [B, T]: 0 where one begins; null where each row is one text
 */
public record Batch(int batchSize, int blockSize, int[] x, int[] y, int[] positions) implements Serializable {
    /** The target that the loss does not count. */
    public static final int IGNORE_INDEX = -1;

    /** @throws MiniGptException if a size is below 1 or an array has not B * T entries */
    public Batch {
        Checks.requireSizes(batchSize, blockSize);
        requireLength("x", x, batchSize, blockSize);
        requireLength("y", y, batchSize, blockSize);
        if (positions != null) {
            requireLength("positions", positions, batchSize, blockSize);
        }
    }

    /** Rows of one text each. */
    public Batch(int batchSize, int blockSize, int[] x, int[] y) {
        this(batchSize, blockSize, x, y, null);
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

    /** The positions as a new INT array [B, T]; null if each row is one text. */
    public INDArray positionsArray() {
        return positions == null ? null : array(positions);
    }

    /**
     * The targets as a new FLOAT array of one-hot columns: [B, V, T] in NCW, [B, T, V] in NWC; zeros where none counts.
     *
     * @param vocabSize V
     * @throws MiniGptException if a target is none of V tokens
     */
    public INDArray oneHotArray(int vocabSize, RNNFormat format) {
        boolean ncw = format == RNNFormat.NCW;
        INDArray columns =
                Nd4j.zeros(DataType.FLOAT, batchSize, ncw ? vocabSize : blockSize, ncw ? blockSize : vocabSize);
        for (int i = 0; i < y.length; i++) {
            if (y[i] >= vocabSize) {
                throw new MiniGptException("the batch has the target " + y[i] + ", but one-hot labels of " + vocabSize
                        + " tokens go from 0 to " + (vocabSize - 1) + "; give the tokenizer's vocab_size");
            }
            if (y[i] != IGNORE_INDEX) {
                columns.putScalar(i / blockSize, ncw ? y[i] : i % blockSize, ncw ? i % blockSize : y[i], 1);
            }
        }
        return columns;
    }

    /**
     * What DL4J needs to know of targets that do not count: a new FLOAT array [B, T] with 0 for them; null if all do.
     */
    INDArray mask() {
        if (targetCount() == y.length) {
            return null;
        }
        float[] counts = new float[y.length];
        for (int i = 0; i < counts.length; i++) {
            counts[i] = y[i] == IGNORE_INDEX ? 0 : 1;
        }
        return Nd4j.createFromArray(counts).reshape('c', batchSize, blockSize);
    }

    /** The number of targets that count: those that are not {@link #IGNORE_INDEX}. */
    public int targetCount() {
        int count = 0;
        for (int target : y) {
            if (target != IGNORE_INDEX) {
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
            throw new MiniGptException("the batch's " + name + " has " + array.length + " entries, but batch size "
                    + batchSize + " and block size " + blockSize + " make " + (long) batchSize * blockSize
                    + "; give [B, T] row by row");
        }
    }

    // A record's own equals compares arrays by identity, which two equal batches never share.

    @Override
    public boolean equals(Object other) {
        return other instanceof Batch batch
                && batchSize == batch.batchSize
                && blockSize == batch.blockSize
                && Arrays.equals(x, batch.x)
                && Arrays.equals(y, batch.y)
                && Arrays.equals(positions, batch.positions);
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
