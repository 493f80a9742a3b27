package org.minigpt.internal.kernels;

import java.util.Arrays;
import org.minigpt.internal.simd.Simd;

/**
 * Token plus position embedding: y[b,t] = wte[ids[b,t]] + wpe[t], with wte [V,C], wpe [P,C], T ≤ P and y [B,T,C]. The
 * positions, wpe, may be absent.
 */
public final class EmbeddingKernel {
    private final int b;
    private final int t;
    private final int c;
    private final float[] sum;
    private final float[] row;

    /** @param c the width of a row */
    public EmbeddingKernel(int b, int t, int c) {
        this.b = b;
        this.t = t;
        this.c = c;
        this.sum = new float[c];
        this.row = new float[c];
    }

    /** Computes y; {@code ids} [B,T] are in range, {@code wpe} may be null. */
    public void forward(int[] ids, Floats wte, Floats wpe, Floats y) {
        for (int i = 0; i < b * t; i++) {
            wte.read(ids[i] * c, sum, 0, c);
            if (wpe != null) {
                wpe.read(i % t * c, row, 0, c);
                Simd.MATH.add(sum, row, c);
            }
            y.write(i * c, sum, 0, c);
        }
    }

    /**
     * Computes dwte [vocab,C] and, unless it is null, dwpe [positions,C]: dy added up over the places where a row was used.
     */
    public void backward(int[] ids, Floats dy, int vocab, Floats dwte, int positions, Floats dwpe) {
        Arrays.fill(sum, 0f);
        for (int v = 0; v < vocab; v++) {
            dwte.write(v * c, sum, 0, c);
        }
        for (int i = 0; i < b * t; i++) {
            dy.read(i * c, row, 0, c);
            dwte.read(ids[i] * c, sum, 0, c);
            Simd.MATH.add(sum, row, c);
            dwte.write(ids[i] * c, sum, 0, c);
        }
        for (int position = 0; dwpe != null && position < positions; position++) {
            Arrays.fill(sum, 0f);
            for (int i = position; position < t && i < b * t; i += t) {
                dy.read(i * c, row, 0, c);
                Simd.MATH.add(sum, row, c);
            }
            dwpe.write(position * c, sum, 0, c);
        }
    }
}
