package org.minigpt.kernels;

/** Σ x², summed in double whatever the type of x, for the global norm of the gradients. */
public final class SumOfSquaresKernel {
    private static final int TILE = 4096;

    private final float[] tile = new float[TILE];

    /** @return Σ x² over the entries from {@code from} to {@code to}, always added in the same order */
    public double of(Floats x, int from, int to) {
        double total = 0;
        for (int at = from; at < to; at += TILE) {
            int n = Math.min(TILE, to - at);
            x.read(at, tile, 0, n);
            total += ofTile(n);
        }
        return total;
    }

    /** Four lanes, for one chain of additions would wait for each of its sums. */
    private double ofTile(int n) {
        double s0 = 0;
        double s1 = 0;
        double s2 = 0;
        double s3 = 0;
        int i = 0;
        for (; i + 3 < n; i += 4) {
            s0 += (double) tile[i] * tile[i];
            s1 += (double) tile[i + 1] * tile[i + 1];
            s2 += (double) tile[i + 2] * tile[i + 2];
            s3 += (double) tile[i + 3] * tile[i + 3];
        }
        for (; i < n; i++) {
            s0 += (double) tile[i] * tile[i];
        }
        return (s0 + s1) + (s2 + s3);
    }

    /** {@link #of(Floats, int, int)} in double precision. */
    public static double of(double[] x) {
        double total = 0;
        for (double value : x) {
            total += value * value;
        }
        return total;
    }
}
