package org.minigpt.kernels;

import java.util.Arrays;

/**
 * Causal multi-head self-attention (Vaswani et al., arXiv:1706.03762): for each head softmax(q·kᵀ/√D)·v, where row t
 * sees the keys 0..t only. The input qkv [B,T,3C] holds q, k and v side by side, each of them its H heads side by side
 * (D = C/H); the output y [B,T,C] holds the heads side by side.
 *
 * <p>Works on tiles of query rows, one head at a time: no [B,H,T,T] array exists, and backward computes the
 * probabilities again (as Dao et al., arXiv:2205.14135). The scratch memory grows with T, not with its square.
 */
public final class AttentionKernel {
    private static final int TILE_ROWS = 64;

    private final int b;
    private final int t;
    private final int c;
    private final int heads;
    private final int d;
    private final float scale;
    private final int tileRows;
    private final Floats probabilities; // [tileRows,T]
    private final float[] p;

    /** @param heads divides c */
    public AttentionKernel(int b, int t, int c, int heads) {
        this.b = b;
        this.t = t;
        this.c = c;
        this.heads = heads;
        this.d = c / heads;
        this.scale = (float) (1 / Math.sqrt(d));
        this.tileRows = Math.min(TILE_ROWS, t);
        this.probabilities = Floats.allocate(tileRows * t);
        this.p = new float[tileRows * t];
    }

    /** Computes y [B,T,C]. */
    public void forward(Floats qkv, DropoutMask mask, Floats y) {
        Floats keys = qkv.alias();
        for (int batch = 0; batch < b; batch++) {
            for (int head = 0; head < heads; head++) {
                long q = (long) batch * t * 3 * c + head * d;
                for (int row = 0; row < t; row += tileRows) {
                    int m = Math.min(tileRows, t - row);
                    int n = row + m;
                    probabilities(qkv, keys, q, row, m);
                    dropTile(mask, p, batch, head, row, m);
                    probabilities.write(0, p, 0, m * n);
                    // y rows [m,D] = p [m,n] · v [n,D]
                    Blas.nn(
                            m,
                            d,
                            n,
                            1f,
                            probabilities.at(0),
                            n,
                            keys.at(q + 2L * c),
                            3 * c,
                            0f,
                            y.at(out(batch, row, head)),
                            c);
                }
            }
        }
    }

    /** Computes dqkv [B,T,3C]. */
    public void backward(Floats qkv, DropoutMask mask, Floats dy, Floats dqkv) {
        Floats keys = qkv.alias();
        Floats dProbabilities = Floats.allocate(tileRows * t);
        float[] dp = new float[tileRows * t];
        float[] dropped = mask.active() ? new float[tileRows * t] : p;
        int last = (t - 1) / tileRows * tileRows;
        for (int batch = 0; batch < b; batch++) {
            for (int head = 0; head < heads; head++) {
                long q = (long) batch * t * 3 * c + head * d;
                long k = q + c;
                long v = k + c;
                // From the last tile, which sees every key and so writes the whole of dk and dv, to the first.
                for (int row = last; row >= 0; row -= tileRows) {
                    int m = Math.min(tileRows, t - row);
                    int n = row + m;
                    long dyRows = out(batch, row, head);
                    long qRows = q + (long) row * 3 * c;
                    float beta = row == last ? 0f : 1f;
                    probabilities(qkv, keys, q, row, m);
                    if (mask.active()) {
                        System.arraycopy(p, 0, dropped, 0, m * n);
                        dropTile(mask, dropped, batch, head, row, m);
                    }
                    probabilities.write(0, dropped, 0, m * n);
                    // dv [n,D] += pᵀ [n,m] · dy [m,D]
                    Blas.tn(n, d, m, 1f, probabilities.at(0), n, dy.at(dyRows), c, beta, dqkv.at(v), 3 * c);
                    // dp [m,n] = dy [m,D] · vᵀ [D,n]
                    Blas.nt(m, n, d, 1f, dy.at(dyRows), c, qkv.at(v), 3 * c, 0f, dProbabilities.at(0), n);
                    dProbabilities.read(0, dp, 0, m * n);
                    dropTile(mask, dp, batch, head, row, m);
                    for (int i = 0; i < m; i++) {
                        // Where p is 0, beyond the diagonal, the gradient is too.
                        Tiles.MATH.softmaxGradient(p, dp, i * n, n, scale);
                    }
                    dProbabilities.write(0, dp, 0, m * n);
                    // dq [m,D] = ds [m,n] · k [n,D];  dk [n,D] += dsᵀ [n,m] · q [m,D]
                    Blas.nn(m, d, n, 1f, dProbabilities.at(0), n, qkv.at(k), 3 * c, 0f, dqkv.at(qRows), 3 * c);
                    Blas.tn(n, d, m, 1f, dProbabilities.at(0), n, qkv.at(qRows), 3 * c, beta, dqkv.at(k), 3 * c);
                }
            }
        }
    }

    /** Fills p [m,n] with the probabilities of the query rows row..row+m over the keys 0..n, n = row+m. */
    private void probabilities(Floats qkv, Floats keys, long q, int row, int m) {
        int n = row + m;
        long qRows = q + (long) row * 3 * c;
        Blas.nt(m, n, d, scale, qkv.at(qRows), 3 * c, keys.at(q + c), 3 * c, 0f, probabilities.at(0), n);
        probabilities.read(0, p, 0, m * n);
        for (int i = 0; i < m; i++) {
            Arrays.fill(p, i * n + row + i + 1, (i + 1) * n, Float.NEGATIVE_INFINITY);
            Tiles.MATH.softmax(p, i * n, n);
        }
    }

    /** Drops entries of a tile [m,row+m], counted as entries of the [B,H,T,T] array that is never made. */
    private void dropTile(DropoutMask mask, float[] tile, int batch, int head, int row, int m) {
        int n = row + m;
        for (int i = 0; i < m; i++) {
            long first = (((long) batch * heads + head) * t + row + i) * t;
            mask.apply(tile, i * n, row + i + 1, first);
        }
    }

    /** @return the offset of a head's output row in y [B,T,C] */
    private long out(int batch, int row, int head) {
        return ((long) batch * t + row) * c + (long) head * d;
    }
}
