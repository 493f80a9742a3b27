package org.minigpt.internal.kernels;

import java.util.Arrays;
import org.minigpt.internal.simd.Products;
import org.minigpt.internal.simd.Simd;

/**
 * y = x·W + b of one row, x [in], W [in,out] or [out,in], y [out], by vectors of {@link Products}: for a W that comes from
 * memory, which OpenBLAS reads row by row and this in four places at once. It does so in two halves, of W's rows, which two
 * threads may compute at once.
 */
public final class StreamedRowKernel {
    /** Floats of a matrix that is taken to come from memory: a few of them fill the last-level cache. */
    private static final int FROM_MEMORY = 1 << 18;

    private final int in;
    private final int out;
    private final boolean outIn;
    private final Floats w; // keeps the memory
    private final Object memory; // W
    private final Floats y;
    private final Half lower;
    private final Half upper;

    /**
     * @param in terms of a product; the sizes must be {@link #useful}
     * @param outIn whether W is stored [out,in]
     * @param b null for none
     */
    public StreamedRowKernel(int in, int out, boolean outIn, Floats x, Floats w, Floats b, Floats y) {
        int rows = outIn ? out : in;
        int half = rows / 2 / Products.ROWS * Products.ROWS;
        this.in = in;
        this.out = out;
        this.outIn = outIn;
        this.w = w;
        this.memory = Simd.PRODUCTS.memory(w.bytes());
        this.y = y;
        this.lower = new Half(0, half, x, b);
        this.upper = new Half(half, rows, x, outIn ? b : null);
    }

    /** @return whether W {@link #fits}, and this is faster than OpenBLAS */
    public static boolean useful(int in, int out, boolean outIn) {
        return Simd.PRODUCTS.fasterAt(Products.Kind.STREAMED) && fits(in, out, outIn);
    }

    /** @return whether W is large enough, and fills vectors */
    static boolean fits(int in, int out, boolean outIn) {
        int rows = outIn ? out : in;
        int width = outIn ? in : out;
        long floats = (long) rows * width;
        return floats >= FROM_MEMORY
                && floats <= Integer.MAX_VALUE / Float.BYTES
                && width % Products.WIDTH == 0
                && rows >= 2 * Products.ROWS
                && (outIn || rows % (2 * Products.ROWS) == 0);
    }

    /** Computes the first half. */
    public void lower() {
        lower.run();
    }

    /** Computes the other half. */
    public void upper() {
        upper.run();
    }

    /** Sets y, once both halves are there. */
    public void finish() {
        if (outIn) {
            return; // each has written its own entries
        }
        Simd.MATH.add(lower.sums, upper.sums, out);
        y.write(0, lower.sums, 0, out);
    }

    /** Of rows of W: entries of y, or terms of each of them. */
    private final class Half {
        private final int from;
        private final int rows;
        private final Floats x;
        private final Floats b;
        private final float[] xTile;
        private final float[] bTile; // of W [out,in], else the sums begin with the bias
        private final float[] sums;

        Half(int from, int to, Floats x, Floats b) {
            this.from = from;
            this.rows = to - from;
            this.x = x;
            this.b = b;
            this.xTile = new float[outIn ? in : rows];
            this.bTile = outIn && b != null ? new float[rows] : null;
            this.sums = new float[outIn ? rows : out];
        }

        void run() {
            if (outIn) {
                x.read(0, xTile, 0, in);
                Simd.PRODUCTS.timesRow(in, rows, xTile, memory, from * in, sums);
                if (b != null) {
                    b.read(from, bTile, 0, rows);
                    Simd.MATH.add(sums, bTile, rows);
                }
                y.write(from, sums, 0, rows);
                return;
            }
            x.read(from, xTile, 0, rows);
            if (b == null) {
                Arrays.fill(sums, 0f);
            } else {
                b.read(0, sums, 0, out);
            }
            Simd.PRODUCTS.addRowTimes(rows, out, xTile, memory, from * out, sums);
        }
    }
}
