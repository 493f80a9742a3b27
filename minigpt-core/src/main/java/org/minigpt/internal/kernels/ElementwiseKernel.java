package org.minigpt.internal.kernels;

import org.minigpt.internal.random.DropoutMask;
import org.minigpt.internal.simd.Gelu;
import org.minigpt.internal.simd.Simd;

/** Operations that treat every entry alike: ReLU, GELU and the residual sum, on arrays of one length. */
public final class ElementwiseKernel {
    private static final int TILE = 4096;

    private final int length;
    private final float[] first;
    private final float[] second;

    /** @param length the number of entries */
    public ElementwiseKernel(int length) {
        this.length = length;
        this.first = new float[Math.min(TILE, length)];
        this.second = new float[first.length];
    }

    /** y = max(0, x). */
    public void relu(Floats x, Floats y) {
        for (int at = 0; at < length; at += TILE) {
            int n = Math.min(TILE, length - at);
            x.read(at, first, 0, n);
            Simd.MATH.relu(first, n);
            y.write(at, first, 0, n);
        }
    }

    /** dx = dy where x &gt; 0, else 0. */
    public void reluGradient(Floats x, Floats dy, Floats dx) {
        for (int at = 0; at < length; at += TILE) {
            int n = Math.min(TILE, length - at);
            x.read(at, first, 0, n);
            dy.read(at, second, 0, n);
            Simd.MATH.reluGradient(first, second, n);
            dx.write(at, second, 0, n);
        }
    }

    /** y = GELU(x). */
    public void gelu(Gelu form, Floats x, Floats y) {
        for (int at = 0; at < length; at += TILE) {
            int n = Math.min(TILE, length - at);
            x.read(at, first, 0, n);
            Simd.MATH.gelu(form, first, n);
            y.write(at, first, 0, n);
        }
    }

    /** dx = dy·GELU'(x). */
    public void geluGradient(Gelu form, Floats x, Floats dy, Floats dx) {
        for (int at = 0; at < length; at += TILE) {
            int n = Math.min(TILE, length - at);
            x.read(at, first, 0, n);
            dy.read(at, second, 0, n);
            Simd.MATH.geluGradient(form, first, second, n);
            dx.write(at, second, 0, n);
        }
    }

    /** y = a + b. */
    public void add(Floats a, Floats b, Floats y) {
        for (int at = 0; at < length; at += TILE) {
            int n = Math.min(TILE, length - at);
            a.read(at, first, 0, n);
            b.read(at, second, 0, n);
            Simd.MATH.add(first, second, n);
            y.write(at, first, 0, n);
        }
    }

    /** y = x. */
    public void copy(Floats x, Floats y) {
        for (int at = 0; at < length; at += TILE) {
            int n = Math.min(TILE, length - at);
            x.read(at, first, 0, n);
            y.write(at, first, 0, n);
        }
    }

    /** y = x·mask/(1-p), the mask being drawn anew from the key; with key 0 y = x. The gradient is the same map. */
    public void dropout(DropoutMask mask, Floats x, Floats y) {
        for (int at = 0; at < length; at += TILE) {
            int n = Math.min(TILE, length - at);
            x.read(at, first, 0, n);
            mask.apply(first, 0, n, at);
            y.write(at, first, 0, n);
        }
    }
}
