package org.minigpt.internal.kernels;

import java.util.Arrays;
import org.minigpt.MiniGptException;
import org.minigpt.internal.simd.RowProducts;
import org.minigpt.internal.simd.Simd;

/**
 * Keys and values of the tokens of R sequences, K heads of D entries, on the heap as a single query wants them: in
 * {@link RowProducts#panels panels} of 16, those of a sequence being keys [K,S/16,D,16] and values [K,D/16,S,16]. A
 * sequence takes memory when its first token comes. Safe for use by several threads, as long as each has other heads or
 * sequences.
 */
public final class KeyValueCache {
    private static final int WIDTH = RowProducts.WIDTH;

    private final int kvHeads; // K
    private final int tokens; // S
    private final int capacity; // S, filled up
    private final int d;
    private final int dPanels;
    private final float[][] keys; // by sequence
    private final float[][] values;

    KeyValueCache(int sequences, int kvHeads, int capacity, int d) {
        this.kvHeads = kvHeads;
        this.tokens = capacity;
        this.capacity = Tiles.roundUp(capacity, WIDTH);
        this.d = d;
        this.dPanels = Tiles.roundUp(d, WIDTH) / WIDTH;
        this.keys = new float[sequences][];
        this.values = new float[sequences][];
    }

    /** @return R */
    public int sequences() {
        return keys.length;
    }

    /** @return K */
    public int kvHeads() {
        return kvHeads;
    }

    /** @return S */
    public int capacity() {
        return tokens;
    }

    /** @return D */
    public int d() {
        return d;
    }

    /** Makes room for a sequence. */
    public void allocate(int row) {
        if (values[row] != null) {
            return;
        }
        try {
            keys[row] = new float[Math.multiplyExact(kvHeads * d, capacity)];
            values[row] = new float[Math.multiplyExact(kvHeads * dPanels * WIDTH, capacity)];
        } catch (OutOfMemoryError | ArithmeticException e) {
            throw new MiniGptException(
                    "there is no room for the keys and values of " + tokens + " tokens of " + keys.length
                            + " sequences; generate fewer at once, or give Java more memory, as by -Xmx8g",
                    e);
        }
    }

    /** Puts a token: D entries of each of tile[key..] and tile[value..]. */
    void put(int row, int head, int token, float[] tile, int key, int value) {
        float[] k = keys[row];
        int to = keysAt(head, token);
        for (int e = 0; e < d; e++) {
            k[to + e * WIDTH] = tile[key + e];
        }
        for (int e = 0; e < d; e += WIDTH) {
            System.arraycopy(tile, value + e, values[row], valuesAt(head, token, e), Math.min(WIDTH, d - e));
        }
    }

    /** Reads the first n keys and values of a head, [n,D] each. */
    void get(int row, int head, int n, float[] keyTile, float[] valueTile) {
        float[] k = keys[row];
        float[] v = values[row];
        for (int token = 0; token < n; token++) {
            int from = keysAt(head, token);
            for (int e = 0; e < d; e++) {
                keyTile[token * d + e] = k[from + e * WIDTH];
            }
            for (int e = 0; e < d; e += WIDTH) {
                System.arraycopy(v, valuesAt(head, token, e), valueTile, token * d + e, Math.min(WIDTH, d - e));
            }
        }
    }

    /** p [m,width] += q [m,D]·kᵀ of the first {@code width} tokens, a multiple of 16, those that are missing included. */
    void scores(int row, int head, int m, int width, float[] q, float[] p) {
        int at = keysAt(head, 0);
        Simd.rows().panels(m, d, width / WIDTH, q, 0, d, keys[row], at, WIDTH * d, p, 0, width);
    }

    /** y[yAt..] [m,D], of which rows are {@link #paddedD} apart, += p [m,n]·v, of which rows are {@code width} apart. */
    void mix(int row, int head, int m, int n, int width, float[] p, float[] y, int yAt) {
        int at = valuesAt(head, 0, 0);
        Simd.rows().panels(m, n, dPanels, p, 0, width, values[row], at, WIDTH * capacity, y, yAt, dPanels * WIDTH);
    }

    /** @return D, filled up to a multiple of 16 */
    int paddedD() {
        return dPanels * WIDTH;
    }

    private int keysAt(int head, int token) {
        return (head * capacity + token / WIDTH * WIDTH) * d + token % WIDTH;
    }

    /** @param e the entry, a multiple of 16 */
    private int valuesAt(int head, int token, int e) {
        return ((head * dPanels + e / WIDTH) * capacity + token) * WIDTH;
    }

    /** Lets the sequence {@code to} have the first {@code tokens} of {@code from}. */
    void copy(int from, int to, int tokens) {
        if (tokens == 0) {
            return;
        }
        allocate(to);
        for (int head = 0; head < kvHeads; head++) {
            int at = keysAt(head, 0);
            System.arraycopy(keys[from], at, keys[to], at, Tiles.roundUp(tokens, WIDTH) * d);
            for (int e = 0; e < d; e += WIDTH) {
                at = valuesAt(head, 0, e);
                System.arraycopy(values[from], at, values[to], at, tokens * WIDTH);
            }
        }
    }

    /** @return the memory that it has, in bytes */
    long bytes() {
        long floats = 0;
        for (int row = 0; row < keys.length; row++) {
            floats += values[row] == null ? 0 : keys[row].length + values[row].length;
        }
        return floats * Float.BYTES;
    }

    /** Gives the memory back. */
    void close() {
        Arrays.fill(keys, null);
        Arrays.fill(values, null);
    }
}
