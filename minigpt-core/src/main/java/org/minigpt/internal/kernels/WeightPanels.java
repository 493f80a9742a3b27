package org.minigpt.internal.kernels;

import org.minigpt.internal.simd.Products;

/**
 * Weights W [in,out] or [out,in] as a product of few rows wants them: on the heap, in {@link Products panels} of 16
 * columns, [out/16,in,16], with zeros beyond the last column. A BLAS makes such a copy for each product, and for few
 * rows that takes longer than the product. Here it is made when it is first asked for, and kept until {@link #forget}.
 * Safe for use by several threads.
 */
final class WeightPanels {
    private static final int WIDTH = Products.WIDTH;

    private final Floats w;
    private final int in;
    private final int out;
    private final boolean outIn;
    private float[] panels;

    /**
     * The panels, or null if they are to be copied first: threads that wait for a lock here would wait at each product.
     */
    private volatile float[] ready;

    /** @param outIn whether W is [out,in] */
    WeightPanels(int in, int out, boolean outIn, Floats w) {
        this.w = w;
        this.in = in;
        this.out = out;
        this.outIn = outIn;
    }

    /** The weights are about to change: they are copied anew when they are next asked for. */
    synchronized void forget() {
        ready = null;
    }

    float[] get() {
        float[] present = ready;
        return present != null ? present : copy();
    }

    private synchronized float[] copy() {
        if (ready == null) {
            if (panels == null) {
                panels = new float[Tiles.roundUp(out, WIDTH) * in];
            }
            if (outIn) {
                turn();
            } else {
                cut();
            }
            ready = panels;
        }
        return ready;
    }

    /** Copies rows of W [in,out], piece by piece. */
    private void cut() {
        float[] row = new float[out];
        for (int k = 0; k < in; k++) {
            w.read(k * out, row, 0, out);
            for (int column = 0; column < out; column += WIDTH) {
                System.arraycopy(row, column, panels, column * in + k * WIDTH, Math.min(WIDTH, out - column));
            }
        }
    }

    /** Copies rows of W [out,in], each to a column. */
    private void turn() {
        float[] row = new float[in];
        for (int column = 0; column < out; column++) {
            w.read(column * in, row, 0, in);
            int to = column / WIDTH * WIDTH * in + column % WIDTH;
            for (int k = 0; k < in; k++) {
                panels[to + k * WIDTH] = row[k];
            }
        }
    }
}
