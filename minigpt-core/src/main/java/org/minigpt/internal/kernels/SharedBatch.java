package org.minigpt.internal.kernels;

import org.minigpt.internal.parallel.Duet;
import org.minigpt.internal.simd.Products;

/**
 * A batch that two threads compute together: each has half of the rows, but of the product with weights half of the columns
 * of all rows, so that each reads half of the weights. Otherwise both would read all of them, twice as much as they then get
 * from the last-level cache or from memory.
 *
 * <p>The kernels that share a batch lend each other their rows here; one batch is run at a time.
 */
public final class SharedBatch {
    private final Duet duet = new Duet();
    private int widestIn;
    private int widestOut;
    private int firstRows;
    private int rows;
    private float[] x = {};
    private float[] y = {};

    /**
     * Runs the two halves, side by side if a processor is free for the second.
     *
     * @param firstRows rows of the first half
     * @param rows rows of both
     */
    public void run(int firstRows, int rows, Runnable first, Runnable second) {
        this.firstRows = firstRows;
        this.rows = rows;
        if (x.length < height() * widestIn || y.length < height() * widestOut) {
            x = new float[height() * widestIn];
            y = new float[height() * widestOut];
        }
        duet.run(first, second);
    }

    /** There is a product of so many terms and columns. */
    void reserve(int in, int out) {
        widestIn = Math.max(widestIn, in);
        widestOut = Math.max(widestOut, Tiles.roundUp(out, Products.WIDTH));
    }

    /** @return the half that the calling thread runs, 0 or 1, or {@link Duet#ALONE} if there is but one thread */
    int member() {
        return duet.member();
    }

    /** Waits for the other half. */
    void await(int member) {
        duet.await(member);
    }

    /** @return the rows that lie before those of a half */
    int rowsBefore(int member) {
        return member * firstRows;
    }

    /** @return the rows of both halves, filled up for {@link Products#panelRows} */
    int height() {
        return Tiles.roundUp(rows, Products.ROWS);
    }

    /** @return the rows of x of both halves, one after the other */
    float[] x() {
        return x;
    }

    /** @return those of y, filled up to whole panels */
    float[] y() {
        return y;
    }
}
