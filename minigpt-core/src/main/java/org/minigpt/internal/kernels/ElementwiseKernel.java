package org.minigpt.internal.kernels;

import java.util.Arrays;
import java.util.function.Supplier;
import org.minigpt.internal.random.DropoutMask;
import org.minigpt.internal.simd.Gelu;
import org.minigpt.internal.simd.RowProducts;
import org.minigpt.internal.simd.Simd;

/**
 * Operations that treat every entry alike: ReLU, its square, GELU, SiLU, the residual sum and dropout, on arrays of one
 * length.
 */
public final class ElementwiseKernel implements Runnable {
    private static final int TILE = 4096;

    /** Changes the first n entries of a, which lie at {@code at} in the array; b is null for one operand. */
    private interface Loop {
        void run(float[] a, float[] b, int n, int at);
    }

    private final Floats a;
    private final Floats b;
    private final Floats y;
    private final Loop loop;
    private final float[] first;
    private final float[] second;

    private ElementwiseKernel(Floats a, Floats b, Floats y, Loop loop) {
        this.a = a;
        this.b = b;
        this.y = y;
        this.loop = loop;
        this.first = new float[Math.min(TILE, a.length())];
        this.second = b == null ? null : new float[first.length];
    }

    /** y = max(0, x). */
    public static ElementwiseKernel relu(Floats x, Floats y) {
        return new ElementwiseKernel(x, null, y, (a, b, n, at) -> Simd.MATH.relu(a, n));
    }

    /** dx = dy where x &gt; 0, else 0. */
    public static ElementwiseKernel reluGradient(Floats x, Floats dy, Floats dx) {
        return new ElementwiseKernel(dy, x, dx, (a, b, n, at) -> Simd.MATH.reluGradient(b, a, n));
    }

    /** y = max(0, x)². */
    public static ElementwiseKernel relu2(Floats x, Floats y) {
        return new ElementwiseKernel(x, null, y, (a, b, n, at) -> {
            Simd.MATH.relu(a, n);
            for (int i = 0; i < n; i++) {
                a[i] *= a[i];
            }
        });
    }

    /** dx = 2·√y·dy, which is 2·max(0, x)·dy. */
    public static ElementwiseKernel relu2Gradient(Floats y, Floats dy, Floats dx) {
        return new ElementwiseKernel(dy, y, dx, (a, b, n, at) -> {
            for (int i = 0; i < n; i++) {
                a[i] *= 2f * (float) Math.sqrt(b[i]);
            }
        });
    }

    /** y = GELU(x). */
    public static ElementwiseKernel gelu(Gelu form, Floats x, Floats y) {
        return new ElementwiseKernel(x, null, y, (a, b, n, at) -> Simd.MATH.gelu(form, a, n));
    }

    /** dx = dy·GELU'(x). */
    public static ElementwiseKernel geluGradient(Gelu form, Floats x, Floats dy, Floats dx) {
        return new ElementwiseKernel(dy, x, dx, (a, b, n, at) -> Simd.MATH.geluGradient(form, b, a, n));
    }

    /** y = x·σ(x): SwiGLU of x and 1, filled up so that the bits of an entry do not depend on its place in a tile. */
    public static ElementwiseKernel silu(Floats x, Floats y) {
        float[] halves = new float[2 * TILE];
        return new ElementwiseKernel(x, null, y, (a, b, n, at) -> {
            int filled = Tiles.roundUp(n, RowProducts.WIDTH);
            System.arraycopy(a, 0, halves, 0, n);
            Arrays.fill(halves, n, filled, 0f);
            Arrays.fill(halves, filled, 2 * filled, 1f);
            Simd.MATH.swiGlu(halves, 0, filled, halves, 0);
            System.arraycopy(halves, 0, a, 0, n);
        });
    }

    /** dx = dy·σ(x)·(1 + x·(1 - σ(x))). */
    public static ElementwiseKernel siluGradient(Floats x, Floats dy, Floats dx) {
        float[] halves = new float[2 * TILE];
        return new ElementwiseKernel(dy, x, dx, (a, b, n, at) -> {
            System.arraycopy(b, 0, halves, 0, n);
            Arrays.fill(halves, n, 2 * n, 1f);
            Simd.MATH.swiGluGradient(halves, 0, n, a, 0);
            System.arraycopy(halves, 0, a, 0, n);
        });
    }

    /** y = a + b. */
    public static ElementwiseKernel add(Floats a, Floats b, Floats y) {
        return new ElementwiseKernel(a, b, y, (sum, other, n, at) -> Simd.MATH.add(sum, other, n));
    }

    /**
     * y = x·mask/(1-p), the mask being drawn anew from the key; with key 0 y = x. The gradient is the same map.
     *
     * @param masks the mask of each run
     */
    public static Runnable dropout(Supplier<DropoutMask> masks, Floats x, Floats y) {
        DropoutMask[] mask = new DropoutMask[1];
        Runnable kernel = new ElementwiseKernel(x, null, y, (a, b, n, at) -> mask[0].apply(a, 0, n, at));
        return () -> {
            mask[0] = masks.get();
            kernel.run();
        };
    }

    /** Computes y. */
    @Override
    public void run() {
        int length = a.length();
        for (int at = 0; at < length; at += TILE) {
            int n = Math.min(TILE, length - at);
            a.read(at, first, 0, n);
            if (b != null) {
                b.read(at, second, 0, n);
            }
            loop.run(first, second, n, at);
            y.write(at, first, 0, n);
        }
    }
}
