package org.minigpt.internal.kernels;

import org.minigpt.internal.simd.Simd;

/** Σ x², summed in double whatever the type of x, for the global norm of the gradients. */
public final class SumOfSquaresKernel {
    private static final int TILE = 4096;

    private final Floats x;
    private final float[] tile;

    /** @param x of any length */
    public SumOfSquaresKernel(Floats x) {
        this.x = x;
        tile = new float[Math.min(TILE, x.length())];
    }

    /** @return Σ x² over the entries from {@code from} to {@code to}, always added in the same order */
    public double run(int from, int to) {
        double total = 0;
        for (int at = from; at < to; at += TILE) {
            int n = Math.min(TILE, to - at);
            x.read(at, tile, 0, n);
            total += Simd.MATH.sumOfSquares(tile, n);
        }
        return total;
    }

    /** {@link #run} over all entries in double precision. */
    public static double of(double[] x) {
        double total = 0;
        for (double value : x) {
            total += value * value;
        }
        return total;
    }
}
