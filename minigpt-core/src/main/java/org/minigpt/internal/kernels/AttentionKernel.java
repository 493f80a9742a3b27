package org.minigpt.internal.kernels;

import java.util.function.Supplier;
import org.minigpt.internal.random.DropoutMask;
import org.minigpt.internal.simd.Simd;

/**
 * Causal multi-head self-attention (Vaswani et al., arXiv:1706.03762): for each head softmax(q·kᵀ/√D)·v, where row t
 * sees the keys 0..t only. The input qkv [B,T,3C] holds q, k and v side by side, each of them its H heads side by side
 * (D = C/H), fewer of k and v if heads share them: see {@link AttentionShape}; the output y [B,T,C] holds the heads
 * side by side. With ALiBi a head's scores lose slope·(t - key) before the softmax.
 *
 * <p>Works on tiles of query rows, one head at a time: no [B,H,T,T] array exists, and backward computes the
 * probabilities again (as Dao et al., arXiv:2205.14135). The scratch memory grows with T, not with its square.
 *
 * <p>A tile is held transposed, [keys,queries]: so a softmax runs down the columns, and a vector of queries needs no
 * sum across its lanes.
 *
 * <p>A row of the batch may hold several texts, one after the other, that do not see each other: with positions a text
 * begins wherever they are 0, and is computed as a sequence by itself.
 */
public sealed class AttentionKernel implements Runnable {
    private static final int TILE_ROWS = 64;

    final int b;
    final int t;
    final int c;
    final int width;
    final int heads;
    final int d;
    final AttentionShape shape;
    final int[] positions; // [B,T], null where each row is one text
    final float scale;
    final int tileRows;
    final Floats probabilities; // [T,tileRows]
    final float[] p;
    final Floats qkv;
    final Supplier<DropoutMask> masks;
    final Floats y;

    /** Null where products are left to BLAS. */
    final SmallAttention small;

    /**
     * @param b B, the sequences
     * @param positions [B,T], those of the tokens in their texts, read anew at each run; null if each row is one text
     * @param masks the mask of each run
     */
    public AttentionKernel(
            int b, AttentionShape shape, int[] positions, Floats qkv, Supplier<DropoutMask> masks, Floats y) {
        this(b, shape, positions, qkv, masks, y, Simd.PRODUCTS.fasterThanBlas());
    }

    /** @param onHeap whether to compute few positions as {@link SmallAttention} does */
    AttentionKernel(
            int b,
            AttentionShape shape,
            int[] positions,
            Floats qkv,
            Supplier<DropoutMask> masks,
            Floats y,
            boolean onHeap) {
        this.b = b;
        this.shape = shape;
        this.positions = positions;
        this.t = shape.t();
        this.c = shape.c();
        this.width = shape.width();
        this.heads = shape.heads();
        this.d = shape.d();
        this.scale = (float) (1 / Math.sqrt(d));
        this.small = onHeap && positions == null && SmallAttention.fits(shape) ? new SmallAttention(shape) : null;
        this.qkv = qkv;
        this.masks = masks;
        this.y = y;
        this.tileRows = Math.min(TILE_ROWS, t);
        this.probabilities = Floats.allocate(tileRows * t);
        this.p = new float[tileRows * t];
    }

    /** Computes y. */
    @Override
    public void run() {
        DropoutMask mask = masks.get();
        if (small != null) {
            for (int batch = 0; batch < b; batch++) {
                small.forward(qkv, y, batch, dropout(mask));
            }
            return;
        }
        Floats keys = qkv.alias();
        for (int begin = 0, end; begin < b * t; begin = end) {
            end = end(begin);
            int length = end - begin;
            for (int head = 0; head < heads; head++) {
                long first = (long) begin * width;
                long v = first + shape.v(head);
                for (int row = 0; row < length; row += tileRows) {
                    int m = Math.min(tileRows, length - row);
                    int n = row + m;
                    probabilities(qkv, keys, first, head, row, m);
                    dropTile(mask, p, begin, head, row, m);
                    probabilities.write(0, p, 0, n * m);
                    // y rows [m,D] = (pᵀ [n,m])ᵀ · v [n,D]
                    Blas.tn(
                            m,
                            d,
                            n,
                            1f,
                            probabilities.at(0),
                            m,
                            keys.at(v),
                            width,
                            0f,
                            y.at(out(begin + row, head)),
                            c);
                }
            }
        }
    }

    /** @return where the text that begins at a token of all B·T ends */
    final int end(int begin) {
        int row = begin / t * t;
        int end = positions == null ? row + t : begin + 1;
        while (end < row + t && positions[end] != 0) {
            end++;
        }
        return end;
    }

    /** @return null if nothing is dropped */
    final SmallAttention.Dropout dropout(DropoutMask mask) {
        return mask.active() ? (tile, batch, head) -> dropTile(mask, tile, batch * t, head, 0, t) : null;
    }

    /** Fills p [n,m] with the probabilities of the query rows row..row+m over the keys 0..n, n = row+m. */
    final void probabilities(Floats qkv, Floats keys, long first, int head, int row, int m) {
        int n = row + m;
        long k = first + shape.k(head);
        long qRows = first + shape.q(head) + (long) row * width;
        Blas.nt(n, m, d, scale, keys.at(k), width, qkv.at(qRows), width, 0f, probabilities.at(0), m);
        probabilities.read(0, p, 0, n * m);
        if (shape.alibi()) {
            addDistances(p, shape.slope(head), n, m);
        }
        Simd.MATH.softmaxColumns(p, n, m, row + 1); // a query sees the keys up to its own
    }

    /** Adds slope·(key - (n-1)) to the scores p [n,m]: as the softmax sees it, slope·(key - query) for each query. */
    static void addDistances(float[] p, double slope, int n, int m) {
        for (int key = 0; key < n; key++) {
            float bias = (float) (slope * (key - (n - 1)));
            for (int i = key * m; i < (key + 1) * m; i++) {
                p[i] += bias;
            }
        }
    }

    /**
     * Drops entries of a tile [row+m,m] of the text that begins at a token of all B·T, counted as entries of the [B,H,T,T]
     * array that is never made.
     */
    final void dropTile(DropoutMask mask, float[] tile, int begin, int head, int row, int m) {
        if (!mask.active()) {
            return;
        }
        for (int query = 0; query < m; query++) {
            long first = (((long) (begin / t) * heads + head) * t + begin % t + row + query) * t + begin % t;
            for (int key = 0; key <= row + query; key++) {
                tile[key * m + query] *= (float) mask.factor(first + key);
            }
        }
    }

    /** @return the offset of what a head makes of a token in y [B,T,C] */
    final long out(int token, int head) {
        return (long) token * c + (long) head * d;
    }

    /** qkv and dy [B,T,C] to dqkv, of the shape of qkv. */
    public static final class Gradient extends AttentionKernel {
        private final Floats dy;
        private final Floats dqkv;
        private final Floats dProbabilities; // [T,tileRows], null on the heap

        public Gradient(
                int b,
                AttentionShape shape,
                int[] positions,
                Floats qkv,
                Supplier<DropoutMask> masks,
                Floats dy,
                Floats dqkv) {
            this(b, shape, positions, qkv, masks, dy, dqkv, Simd.PRODUCTS.fasterThanBlas());
        }

        Gradient(
                int b,
                AttentionShape shape,
                int[] positions,
                Floats qkv,
                Supplier<DropoutMask> masks,
                Floats dy,
                Floats dqkv,
                boolean onHeap) {
            super(b, shape, positions, qkv, masks, null, onHeap);
            this.dy = dy;
            this.dqkv = dqkv;
            this.dProbabilities = small == null ? Floats.allocate(tileRows * t) : null;
        }

        /** Computes dqkv. */
        @Override
        public void run() {
            DropoutMask mask = masks.get();
            if (small != null) {
                for (int batch = 0; batch < b; batch++) {
                    small.backward(qkv, dy, dqkv, batch, dropout(mask));
                }
                return;
            }
            Floats keys = qkv.alias();
            float[] dp = new float[tileRows * t];
            float[] dropped = mask.active() ? new float[tileRows * t] : p;
            for (int begin = 0, end; begin < b * t; begin = end) {
                end = end(begin);
                int length = end - begin;
                int last = (length - 1) / tileRows * tileRows;
                for (int head = 0; head < heads; head++) {
                    long first = (long) begin * width;
                    long q = first + shape.q(head);
                    long k = first + shape.k(head);
                    long v = first + shape.v(head);
                    // From the last tile, which sees every key and so writes the whole of dk and dv, to the first.
                    // Heads that share keys and values come one after the other, and add to what the first of them
                    // wrote.
                    for (int row = last; row >= 0; row -= tileRows) {
                        int m = Math.min(tileRows, length - row);
                        int n = row + m;
                        long dyRows = out(begin + row, head);
                        long qRows = q + (long) row * width;
                        float beta = row == last && shape.firstOfGroup(head) ? 0f : 1f;
                        probabilities(qkv, keys, first, head, row, m);
                        if (mask.active()) {
                            System.arraycopy(p, 0, dropped, 0, n * m);
                            dropTile(mask, dropped, begin, head, row, m);
                        }
                        probabilities.write(0, dropped, 0, n * m);
                        // dv [n,D] += pᵀ [n,m] · dy [m,D]
                        Blas.nn(n, d, m, 1f, probabilities.at(0), m, dy.at(dyRows), c, beta, dqkv.at(v), width);
                        // dpᵀ [n,m] = v [n,D] · dyᵀ [D,m]
                        Blas.nt(n, m, d, 1f, qkv.at(v), width, dy.at(dyRows), c, 0f, dProbabilities.at(0), m);
                        dProbabilities.read(0, dp, 0, n * m);
                        dropTile(mask, dp, begin, head, row, m);
                        Simd.MATH.softmaxColumnsGradient(p, dp, n, m, row + 1, scale);
                        dProbabilities.write(0, dp, 0, n * m);
                        // dq [m,D] = (dsᵀ [n,m])ᵀ · k [n,D];  dk [n,D] += dsᵀ [n,m] · q [m,D]
                        Blas.tn(m, d, n, 1f, dProbabilities.at(0), m, qkv.at(k), width, 0f, dqkv.at(qRows), width);
                        Blas.nn(n, d, m, 1f, dProbabilities.at(0), m, qkv.at(qRows), width, beta, dqkv.at(k), width);
                    }
                }
            }
        }
    }
}
