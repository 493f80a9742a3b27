package org.minigpt.internal.kernels;

import java.util.Arrays;
import org.minigpt.internal.simd.RowProducts;
import org.minigpt.internal.simd.Simd;

/**
 * Causal multi-head self-attention of new tokens over those before them, whose keys and values lie in a
 * {@link KeyValueCache}. The input qkv [B,T,(H+2K)·D] holds H heads of queries, then K of keys and K of values, side by
 * side, where H/K heads of queries share one of keys and values (grouped-query attention; K = H for the usual one). The
 * output y [B,T,H·D] holds the heads side by side.
 *
 * <p>A single token's output depends on its own sequence only, bit for bit, and so does a prompt's, which is left to a
 * BLAS. Several threads may each have some heads, as parts with numbers of their own.
 */
public final class CachedAttentionKernel {
    private static final int WIDTH = RowProducts.WIDTH;

    /** Queries of a prompt that are computed at once. */
    private static final int TILE_ROWS = 64;

    private final int t;
    private final int heads;
    private final int kvHeads;
    private final int group; // H/K
    private final int d;
    private final boolean alibi;
    private final int qkvWidth;
    private final float scale;
    private final Floats qkv;
    private final Floats y;
    private final DecodeMemory memory;
    private final KeyValueCache cache;

    /**
     * Binds the kernel to its arrays.
     *
     * @param shape of which T are the new tokens of a sequence, with padding
     * @param memory that has tiles for each part
     */
    public CachedAttentionKernel(AttentionShape shape, Floats qkv, DecodeMemory memory, KeyValueCache cache, Floats y) {
        this.t = shape.t();
        this.heads = shape.heads();
        this.kvHeads = shape.kvHeads();
        this.group = heads / kvHeads;
        this.d = shape.d();
        this.alibi = shape.alibi();
        this.qkvWidth = shape.width();
        this.scale = (float) (1 / Math.sqrt(d));
        this.qkv = qkv;
        this.y = y;
        this.memory = memory;
        this.cache = cache;
    }

    /**
     * Appends keys and values of one sequence and some heads of keys to the cache, and computes y of them; rows of padding
     * become 0.
     *
     * @param part whose tiles are used
     * @param b the row of qkv and y
     * @param r the sequence in the cache, which has memory
     * @param first the first head of keys and values
     * @param end the one after the last
     * @param past the tokens that it has in the cache
     * @param count its new tokens, at most T
     */
    public void attend(int part, int b, int r, int first, int end, int past, int count) {
        if (t == 1 && count == 1) {
            attendOne(part, b, r, first, end, past);
            return;
        }
        for (int k = first; k < end; k++) {
            append(part, b, r, k, past, count);
            float[] tile = memory.tile(part, d);
            Arrays.fill(tile, 0, d, 0f);
            for (int h = k * group; h < (k + 1) * group; h++) {
                for (int i = count; i < t; i++) {
                    y.write((b * t + i) * heads * d + h * d, tile, 0, d);
                }
            }
            if (count > 0) {
                attendMany(part, b, r, k, past, count);
            }
        }
    }

    private void append(int part, int b, int r, int k, int past, int count) {
        float[] tile = memory.tile(part, 2 * d);
        for (int i = 0; i < count; i++) {
            int key = (b * t + i) * qkvWidth + (heads + k) * d;
            qkv.read(key, tile, 0, d);
            qkv.read(key + kvHeads * d, tile, d, d);
            cache.put(r, k, past + i, tile, 0, d);
        }
    }

    /** One token over those before it and itself: its row of qkv is read once, and its part of y is written once. */
    private void attendOne(int part, int b, int r, int first, int end, int past) {
        int n = past + 1;
        int width = Tiles.roundUp(n, WIDTH);
        int dp = cache.paddedD();
        int count = (end - first) * group; // heads of queries
        float[] row = memory.tile(part, qkvWidth + count * dp); // and the output after it
        float[] p = memory.block(part, group * width);
        float[] tile = memory.cacheTile(part, cache.tile());
        qkv.read(b * qkvWidth, row, 0, qkvWidth);
        Simd.MATH.scale(row, scale, heads * d);
        Arrays.fill(row, qkvWidth, qkvWidth + count * dp, 0f);
        for (int k = first; k < end; k++) {
            cache.put(r, k, past, row, (heads + k) * d, (heads + kvHeads + k) * d);
            Arrays.fill(p, 0, group * width, 0f);
            cache.scores(r, k, group, width, row, k * group * d, p, tile);
            for (int i = 0; i < group; i++) {
                addDistances(p, i * width, n, k * group + i);
                Arrays.fill(p, i * width + n, (i + 1) * width, Float.NEGATIVE_INFINITY);
                Simd.MATH.softmax(p, i * width, width);
            }
            cache.mix(r, k, group, n, width, p, row, qkvWidth + (k - first) * group * dp, tile);
        }
        int out = (b * heads + first * group) * d;
        if (dp == d) {
            y.write(out, row, qkvWidth, count * d);
            return;
        }
        for (int i = 0; i < count; i++) {
            y.write(out + i * d, row, qkvWidth + i * dp, d);
        }
    }

    /** Lowers the scores p[first..first+n) of head h by the distance of their keys, if that is wanted. */
    private void addDistances(float[] p, int first, int n, int h) {
        if (alibi) {
            float slope = (float) AttentionShape.alibiSlope(h, heads);
            for (int j = 0; j < n; j++) {
                p[first + j] += slope * (j - (n - 1));
            }
        }
    }

    /** A prompt's tokens, by a BLAS, for which keys and values are copied to native memory. */
    private void attendMany(int part, int b, int r, int k, int past, int count) {
        int all = past + count;
        float[] keyTile = memory.tile(part, all * d);
        float[] valueTile = memory.block(part, all * d);
        cache.get(r, k, all, keyTile, valueTile);
        Floats keys = memory.nativeTile(part, 0, all * d);
        Floats values = memory.nativeTile(part, 1, all * d);
        keys.write(0, keyTile, 0, all * d);
        values.write(0, valueTile, 0, all * d);
        Floats q = qkv.alias();
        Floats out = y.alias();
        for (int h = k * group; h < (k + 1) * group; h++) {
            for (int first = 0; first < count; first += TILE_ROWS) {
                attendTile(part, b, q, keys, values, out, h, past, first, Math.min(TILE_ROWS, count - first));
            }
        }
    }

    /** Queries first..first+m of one head over the keys up to their own; a tile is transposed as AttentionKernel's. */
    private void attendTile(
            int part,
            int b,
            Floats queries,
            Floats keys,
            Floats values,
            Floats out,
            int h,
            int past,
            int first,
            int m) {
        int n = past + first + m;
        Floats scores = memory.nativeTile(part, 2, n * m);
        float[] p = memory.tile(part, n * m);
        long q = (long) (b * t + first) * qkvWidth + (long) h * d;
        Blas.nt(n, m, d, scale, keys.at(0), d, queries.at(q), qkvWidth, 0f, scores.at(0), m);
        scores.read(0, p, 0, n * m);
        if (alibi) {
            AttentionKernel.addDistances(p, AttentionShape.alibiSlope(h, heads), n, m);
        }
        Simd.MATH.softmaxColumns(p, n, m, past + first + 1); // a query sees the keys up to its own
        scores.write(0, p, 0, n * m);
        long at = (long) (b * t + first) * heads * d + (long) h * d;
        Blas.tn(m, d, n, 1f, scores.at(0), m, values.at(0), d, 0f, out.at(at), heads * d);
    }
}
