package org.minigpt.internal.kernels;

import org.minigpt.internal.simd.Simd;

/**
 * Token plus position embedding of sequences that begin at positions of their own: y[b,t] = wte[ids[b,t]] +
 * wpe[min(past[b] + t, P - 1)], with wte [V,C], wpe [P,C] and y [B,T,C].
 */
public final class EmbeddingAtKernel {
    private final int t;
    private final int c;
    private final int positions;
    private final Floats wte;
    private final Floats wpe;
    private final Floats y;
    private final float[] sum;
    private final float[] row;

    /** @param c the width of a row */
    public EmbeddingAtKernel(int t, int c, int positions, Floats wte, Floats wpe, Floats y) {
        this.t = t;
        this.c = c;
        this.positions = positions;
        this.wte = wte;
        this.wpe = wpe;
        this.y = y;
        this.sum = new float[c];
        this.row = new float[c];
    }

    /** Computes y; {@code ids} [B,T] and {@code past} [B] are in range. */
    public void forward(int[] ids, int[] past) {
        for (int i = 0; i < ids.length; i++) {
            wte.read(ids[i] * c, sum, 0, c);
            wpe.read(Math.min(past[i / t] + i % t, positions - 1) * c, row, 0, c);
            Simd.MATH.add(sum, row, c);
            y.write(i * c, sum, 0, c);
        }
    }
}
