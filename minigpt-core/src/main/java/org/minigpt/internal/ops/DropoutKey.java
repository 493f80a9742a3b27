package org.minigpt.internal.ops;

import java.util.Arrays;
import org.minigpt.MiniGptException;
import org.minigpt.internal.random.DropoutMask;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * The dropout key, an input of ops that drop: the seed of a batch's masks, or 0 to drop nothing; INT or LONG, a scalar.
 * Of an op that sees some rows of a batch only it is two numbers, the seed and the batch's number of the first of those
 * rows: what is dropped in a row does not depend on the rows that it is computed with.
 */
public final class DropoutKey {
    private DropoutKey() {}

    /**
     * @param key of the batch
     * @param firstRow the number of the op's first row in the batch, from 0
     * @return LONG [2]
     */
    public static INDArray of(long key, long firstRow) {
        return Nd4j.createFromArray(key, firstRow);
    }

    /** @return the shape of {@link #of} */
    public static long[] shape() {
        return new long[] {2};
    }

    static void check(String op, INDArray key) {
        Checks.integers(op, "the dropout key", key);
        if (key.length() > 2) {
            throw new MiniGptException(op + " needs the dropout key to be a number, or two with that of the first row,"
                    + " but got " + key.dataType() + " " + Arrays.toString(key.shape()) + "; pass a scalar");
        }
    }

    /** @param entriesPerRow how many entries of what is dropped belong to a row of the batch */
    static DropoutMask mask(INDArray key, long salt, double p, long entriesPerRow) {
        long firstRow = key.length() == 2 ? key.getLong(1) : 0;
        return new DropoutMask(key.getLong(0), salt, p, firstRow * entriesPerRow);
    }
}
