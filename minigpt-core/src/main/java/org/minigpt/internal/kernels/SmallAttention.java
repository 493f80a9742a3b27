package org.minigpt.internal.kernels;

import org.minigpt.internal.simd.Simd;

/**
 * {@link AttentionKernel} for few positions, whose products are so small that a BLAS would spend most of its time on
 * packing them: all of a sequence's qkv is copied to the heap once, and everything is computed there. What causality
 * hides is left out of the products, but for blocks of {@link #BLOCK} positions.
 */
final class SmallAttention {
    /** Positions that a product begins or ends with: more are faster by themselves, but multiply more zeros. */
    private static final int BLOCK = 16;

    private static final int MAX_POSITIONS = 64;

    /** Drops entries of the probabilities [T,T], keys by queries, or of their gradients. */
    interface Dropout {
        void apply(float[] tile, int batch, int head);
    }

    private final AttentionShape shape;
    private final int t;
    private final int c;
    private final int width;
    private final int d;
    private final float scale;
    private final float[] qkv; // [T,width]
    private final float[] y; // [T,C], or dy
    private final float[] turned; // [D,T], queries or rows of dy
    private final float[] p; // [T,T], keys by queries

    /** Made for the first gradient, as is the next. */
    private float[] dp; // [T,T]

    private float[] dqkv; // [T,width]

    SmallAttention(AttentionShape shape) {
        this.shape = shape;
        this.t = shape.t();
        this.c = shape.c();
        this.width = shape.width();
        this.d = shape.d();
        this.scale = (float) (1 / Math.sqrt(d));
        this.qkv = new float[t * width];
        this.y = new float[t * c];
        this.turned = new float[d * t];
        this.p = new float[t * t];
    }

    /** @return whether there are few positions, and as many heads of keys as of queries */
    static boolean fits(AttentionShape shape) {
        return shape.t() <= MAX_POSITIONS && shape.kvHeads() == shape.heads();
    }

    /** Computes y [T,C] of one sequence of the batch; {@code dropout} is null for none. */
    void forward(Floats allQkv, Floats allY, int batch, Dropout dropout) {
        allQkv.read(batch * t * width, qkv, 0, t * width);
        for (int head = 0; head < shape.heads(); head++) {
            probabilities(head);
            if (dropout != null) {
                dropout.apply(p, batch, head);
            }
            byQuery(p, qkv, shape.v(head), width, y, shape.q(head), c);
        }
        allY.write(batch * t * c, y, 0, t * c);
    }

    /** Computes dqkv [T,3C] of one sequence of the batch; {@code dropout} is null for none. */
    void backward(Floats allQkv, Floats allDy, Floats allDqkv, int batch, Dropout dropout) {
        allQkv.read(batch * t * width, qkv, 0, t * width);
        allDy.read(batch * t * c, y, 0, t * c);
        if (dqkv == null) {
            dp = new float[t * t];
            dqkv = new float[t * width];
        }
        float[] dropped = dropout == null ? p : new float[t * t];
        for (int head = 0; head < shape.heads(); head++) {
            int dy = shape.q(head);
            probabilities(head);
            if (dropout != null) {
                System.arraycopy(p, 0, dropped, 0, t * t);
                dropout.apply(dropped, batch, head);
            }
            byKey(dropped, y, dy, c, dqkv, shape.v(head), width);
            turn(y, dy, c, 1f);
            byKeyAndQuery(shape.v(head), dp);
            if (dropout != null) {
                dropout.apply(dp, batch, head);
            }
            Simd.MATH.softmaxColumnsGradient(p, dp, t, t, 1, scale);
            byQuery(dp, qkv, shape.k(head), width, dqkv, shape.q(head), width);
            byKey(dp, qkv, shape.q(head), width, dqkv, shape.k(head), width);
        }
        allDqkv.write(batch * t * width, dqkv, 0, t * width);
    }

    /** Fills p with the probabilities of all queries over all keys. */
    private void probabilities(int head) {
        turn(qkv, shape.q(head), width, scale);
        byKeyAndQuery(shape.k(head), p);
        if (shape.alibi()) {
            AttentionKernel.addDistances(p, shape.slope(head), t, t);
        }
        Simd.MATH.softmaxColumns(p, t, t, 1);
    }

    /** turned [D,T] = (x [T,D])ᵀ·factor */
    private void turn(float[] x, int at, int row, float factor) {
        for (int i = 0; i < t; i++) {
            for (int e = 0; e < d; e++) {
                turned[e * t + i] = factor * x[at + i * row + e];
            }
        }
    }

    /** out [keys,queries] = a [T,D]·turned [D,T], for each block of keys from the queries that see it on; a in qkv */
    private void byKeyAndQuery(int at, float[] out) {
        for (int key = 0; key < t; key += BLOCK) {
            int rows = Math.min(BLOCK, t - key);
            Simd.PRODUCTS.multiply(
                    rows, t - key, d, qkv, at + key * width, width, 1, turned, key, t, out, key * t + key, t);
        }
    }

    /** out [queries,D] = (w [keys,queries])ᵀ·a [keys,D], for each block of queries up to the keys that it sees */
    private void byQuery(float[] w, float[] a, int at, int row, float[] out, int outAt, int outRow) {
        for (int query = 0; query < t; query += BLOCK) {
            int rows = Math.min(BLOCK, t - query);
            Simd.PRODUCTS.multiply(
                    rows, d, query + rows, w, query, 1, t, a, at, row, out, outAt + query * outRow, outRow);
        }
    }

    /** out [keys,D] = w [keys,queries]·a [queries,D], for each block of keys from the queries that see it on */
    private void byKey(float[] w, float[] a, int at, int row, float[] out, int outAt, int outRow) {
        for (int key = 0; key < t; key += BLOCK) {
            int rows = Math.min(BLOCK, t - key);
            Simd.PRODUCTS.multiply(
                    rows,
                    d,
                    t - key,
                    w,
                    key * t + key,
                    t,
                    1,
                    a,
                    at + key * row,
                    row,
                    out,
                    outAt + key * outRow,
                    outRow);
        }
    }
}
