package org.minigpt.internal.kernels;

import org.minigpt.internal.simd.Simd;

/** y = Σ weight[i]·x[i] over arrays of one length: gradients of several replicas averaged, in a fixed order. */
public final class WeightedSum {
    private static final int TILE = 4096;

    private final float[] sum = new float[TILE];
    private final float[] next = new float[TILE];

    /** Computes the entries from {@code from} to {@code to}; y may be one of the x. */
    public void compute(Floats[] x, float[] weights, Floats y, int from, int to) {
        for (int at = from; at < to; at += TILE) {
            int n = Math.min(TILE, to - at);
            x[0].read(at, sum, 0, n);
            Simd.MATH.scale(sum, weights[0], n);
            for (int i = 1; i < x.length; i++) {
                x[i].read(at, next, 0, n);
                Simd.MATH.addScaled(sum, next, weights[i], n);
            }
            y.write(at, sum, 0, n);
        }
    }
}
