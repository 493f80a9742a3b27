package org.minigpt.internal.kernels;

import java.util.Arrays;
import org.minigpt.internal.simd.Products;
import org.minigpt.internal.simd.Simd;

/**
 * Causal multi-head self-attention of new tokens over those before them, whose keys and values lie in a cache. The
 * input qkv [B,T,(H+2K)·D] holds H heads of queries, then K of keys and K of values, side by side, where H/K heads of
 * queries share one of keys and values (grouped-query attention; K = H for the usual one). The caches [R,K,S,D] hold
 * the keys and values of R sequences of up to S tokens. The output y [B,T,H·D] holds the heads side by side.
 *
 * <p>Where a {@link HeapCache} is given, one new token attends there.
 *
 * <p>Heads are computed by themselves: several threads may each have some, with an instance each.
 */
public final class CachedAttentionKernel {
    private static final int TILE_ROWS = 64;

    /**
     * The scores of one query are filled up to a multiple of this: a softmax is slow on what does not fill a vector.
     */
    private static final int SCORES = Products.WIDTH;

    private final int t;
    private final int heads;
    private final int kvHeads;
    private final int d;
    private final int capacity;
    private final boolean alibi;
    private final int qkvWidth;
    private final int tileRows;
    private final float scale;
    private final Floats qkv;
    private final Floats keys;
    private final Floats values;
    private final Floats y;
    private final Floats
            scratch; // [S,tileRows], or a row of scores, filled up, for each head of queries that shares one of keys
    private final float[] p;
    private final float[] row;
    private final HeapCache heap;
    private final float[] tile; // of a head; null without a heap

    /**
     * Binds the kernel to its arrays.
     *
     * @param shape of which T are the new tokens of a sequence, with padding
     * @param capacity S
     * @param heap for single tokens, shared by all kernels that use these caches; null to leave all products to BLAS
     */
    public CachedAttentionKernel(
            AttentionShape shape, int capacity, Floats qkv, Floats keys, Floats values, HeapCache heap, Floats y) {
        this.t = shape.t();
        this.heads = shape.heads();
        this.kvHeads = shape.kvHeads();
        this.d = shape.d();
        this.capacity = capacity;
        this.alibi = shape.alibi();
        this.qkvWidth = shape.width();
        this.scale = (float) (1 / Math.sqrt(d));
        this.qkv = qkv.alias();
        this.keys = keys.alias();
        this.values = values.alias();
        this.y = y.alias();
        this.tileRows = t == 1 ? heads / kvHeads : Math.min(TILE_ROWS, t);
        int size = tileRows * Tiles.roundUp(capacity, SCORES);
        this.scratch = Floats.allocate(size);
        this.p = new float[size];
        this.row = new float[qkvWidth];
        this.heap = heap;
        this.tile = heap == null ? null : new float[Tiles.roundUp(d, SCORES)];
        if (t == 1 && heap != null) {
            heap.allocate();
        }
    }

    /**
     * Appends keys and values of one sequence to the cache.
     *
     * @param b its row of qkv
     * @param r its row of the cache
     * @param past the tokens that it has in the cache
     * @param count its new tokens, at most T
     */
    public void append(int b, int r, int past, int count) {
        int width = kvHeads * d;
        if (heap != null) {
            if (t == 1 && count == 1) {
                return; // put there when it attends
            }
            heap.toNative(r, past);
            heap.putNative(r, past, past + count);
        }
        for (int i = 0; i < count; i++) {
            qkv.read((b * t + i) * qkvWidth + heads * d, row, 0, 2 * width);
            for (int k = 0; k < kvHeads; k++) {
                int at = Math.toIntExact(cache(r, k) + (long) (past + i) * d);
                keys.write(at, row, k * d, d);
                values.write(at, row, width + k * d, d);
            }
        }
    }

    /**
     * Computes y of one sequence and one head of keys, once they have been appended; rows of padding become 0.
     *
     * @param b its row of qkv and y
     * @param r its row of the cache
     * @param k the head of keys and values
     * @param past the tokens that it had in the cache
     * @param count its new tokens, at most T
     */
    public void attend(int b, int r, int k, int past, int count) {
        if (t == 1 && count == 1) {
            if (heap == null) {
                attendOne(b, cache(r, k), k, past + 1);
            } else {
                attendOnHeap(b, r, k, past + 1);
            }
            return;
        }
        for (int h = k * heads / kvHeads; h < (k + 1) * heads / kvHeads; h++) {
            for (int first = 0; first < count; first += tileRows) {
                attendTile(b, cache(r, k), h, past, first, Math.min(tileRows, count - first));
            }
            Arrays.fill(row, 0, d, 0f);
            for (int i = count; i < t; i++) {
                y.write((b * t + i) * heads * d + h * d, row, 0, d);
            }
        }
    }

    /** One token: its m = H/K heads of queries over n keys. */
    private void attendOne(int b, long cache, int k, int n) {
        int m = heads / kvHeads;
        int width = Tiles.roundUp(n, SCORES);
        long q = (long) b * qkvWidth + (long) k * m * d;
        long out = ((long) b * heads + (long) k * m) * d;
        if (m == 1) {
            Gemv.n(n, d, scale, keys.at(cache), d, qkv.at(q), 0f, scratch.at(0));
        } else {
            // scores [m,n] = q [m,D]·k [n,D]ᵀ
            Blas.nt(m, n, d, scale, qkv.at(q), d, keys.at(cache), d, 0f, scratch.at(0), width);
        }
        scratch.read(0, p, 0, m * width);
        for (int i = 0; i < m; i++) {
            int first = i * width;
            addDistances(first, n, k * m + i);
            Arrays.fill(p, first + n, first + width, Float.NEGATIVE_INFINITY);
            Simd.MATH.softmax(p, first, width);
        }
        scratch.write(0, p, 0, m * width);
        if (m == 1) {
            Gemv.t(n, d, 1f, values.at(cache), d, scratch.at(0), 0f, y.at(out));
        } else {
            Blas.nn(m, d, n, 1f, scratch.at(0), width, values.at(cache), d, 0f, y.at(out), d);
        }
    }

    /** {@link #attendOne} with the caches on the heap. */
    private void attendOnHeap(int b, int r, int k, int n) {
        int head = r * kvHeads + k;
        int m = heads / kvHeads;
        int q = b * qkvWidth + k * m * d;
        int key = b * qkvWidth + (heads + k) * d;
        heap.append(head, n - 1, qkv, key, key + kvHeads * d, tile);
        qkv.read(q, row, 0, m * d);
        Simd.MATH.scale(row, scale, m * d);
        for (int i = 0; i < m; i++) {
            int width = heap.scores(head, n, row, i * d, p);
            addDistances(0, n, k * m + i);
            Simd.MATH.softmax(p, 0, width);
            heap.mix(head, n, p, tile);
            y.write((b * heads + k * m + i) * d, tile, 0, d);
        }
    }

    /** Lowers the scores p[first..first+n) of head h by the distance of their keys, if that is wanted. */
    private void addDistances(int first, int n, int h) {
        if (alibi) {
            float slope = (float) AttentionShape.alibiSlope(h, heads);
            for (int j = 0; j < n; j++) {
                p[first + j] += slope * (j - (n - 1));
            }
        }
    }

    /** Queries first..first+m of one head over the keys up to their own; a tile is transposed as AttentionKernel's. */
    private void attendTile(int b, long cache, int h, int past, int first, int m) {
        int n = past + first + m;
        long q = (long) (b * t + first) * qkvWidth + (long) h * d;
        Blas.nt(n, m, d, scale, keys.at(cache), d, qkv.at(q), qkvWidth, 0f, scratch.at(0), m);
        scratch.read(0, p, 0, n * m);
        if (alibi) {
            AttentionKernel.addDistances(p, AttentionShape.alibiSlope(h, heads), n, m);
        }
        Simd.MATH.softmaxColumns(p, n, m, past + first + 1); // a query sees the keys up to its own
        scratch.write(0, p, 0, n * m);
        long out = (long) (b * t + first) * heads * d + (long) h * d;
        Blas.tn(m, d, n, 1f, scratch.at(0), m, values.at(cache), d, 0f, y.at(out), heads * d);
    }

    private long cache(int r, int k) {
        return ((long) r * kvHeads + k) * capacity * d;
    }
}
