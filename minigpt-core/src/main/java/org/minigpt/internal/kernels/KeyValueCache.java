package org.minigpt.internal.kernels;

import java.util.Arrays;
import org.minigpt.MiniGptException;
import org.minigpt.internal.simd.RowProducts;
import org.minigpt.internal.simd.Simd;

/**
 * Keys and values of the tokens of R sequences, K heads of D entries, on the heap as a single query wants them: in
 * {@link RowProducts#panels panels} of 16, those of a sequence being keys [K,S/16,D,16] and values [K,D/16,S,16]. A
 * sequence takes memory as its tokens come, S being twice as many whenever there is no room for the next. Safe for use
 * by several threads, as long as each has other heads or sequences.
 */
public final class KeyValueCache {
    private static final int WIDTH = RowProducts.WIDTH;

    /** Tokens that a sequence has room for at first. */
    private static final int FIRST = 64;

    /** Tokens of halves that are made floats at once: with GPT-2's heads half of a first-level cache. */
    private static final int TILE = 64;

    private final boolean halves;
    private final int kvHeads; // K
    private final int tokens; // S at most
    private final int[] capacities; // S, by sequence, a multiple of 16
    private final int d;
    private final int dPanels;
    private final CachePanels[] keys; // by sequence
    private final CachePanels[] values;

    /** @param halves whether they are rounded to F16 */
    KeyValueCache(int sequences, int kvHeads, int capacity, int d, boolean halves) {
        this.halves = halves;
        this.kvHeads = kvHeads;
        this.tokens = capacity;
        this.capacities = new int[sequences];
        this.d = d;
        this.dPanels = Tiles.roundUp(d, WIDTH) / WIDTH;
        this.keys = new CachePanels[sequences];
        this.values = new CachePanels[sequences];
    }

    /** @return R */
    public int sequences() {
        return keys.length;
    }

    /** @return K */
    public int kvHeads() {
        return kvHeads;
    }

    /** @return the most that S may be */
    public int capacity() {
        return tokens;
    }

    /** @return D */
    public int d() {
        return d;
    }

    /** Makes room for the first n tokens of a sequence, and keeps those that it has. */
    public void allocate(int row, int n) {
        int old = capacities[row];
        if (n <= old) {
            return;
        }
        int capacity = Tiles.roundUp(Math.min(tokens, Math.max(FIRST, Math.max(n, 2 * old))), WIDTH);
        CachePanels oldKeys = keys[row];
        CachePanels oldValues = values[row];
        try {
            CachePanels newKeys = CachePanels.allocate(halves, Math.multiplyExact(kvHeads * d, capacity));
            values[row] = CachePanels.allocate(halves, Math.multiplyExact(kvHeads * dPanels * WIDTH, capacity));
            keys[row] = newKeys;
            capacities[row] = capacity; // all of it, or nothing
        } catch (OutOfMemoryError | ArithmeticException e) {
            throw new MiniGptException(
                    "there is no room for the keys and values of " + capacity + " tokens of one more of " + keys.length
                            + " sequences; generate fewer at once, or give Java more memory, as by -Xmx8g",
                    e);
        }
        if (old > 0) {
            for (int head = 0; head < kvHeads; head++) {
                oldKeys.copy(head * old * d, keys[row], head * capacity * d, old * d);
            }
            for (int panel = 0; panel < kvHeads * dPanels; panel++) {
                int length = old * WIDTH;
                oldValues.copy(panel * length, values[row], panel * capacity * WIDTH, length);
            }
        }
    }

    /** Puts a token: D entries of each of tile[key..] and tile[value..]. */
    void put(int row, int head, int token, float[] tile, int key, int value) {
        keys[row].put(keysAt(row, head, token), WIDTH, tile, key, d);
        for (int e = 0; e < d; e += WIDTH) {
            values[row].put(valuesAt(row, head, token, e), 1, tile, value + e, Math.min(WIDTH, d - e));
        }
    }

    /** Reads the first n keys and values of a head, [n,D] each. */
    void get(int row, int head, int n, float[] keyTile, float[] valueTile) {
        for (int token = 0; token < n; token++) {
            keys[row].get(keysAt(row, head, token), WIDTH, keyTile, token * d, d);
            for (int e = 0; e < d; e += WIDTH) {
                int at = valuesAt(row, head, token, e);
                values[row].get(at, 1, valueTile, token * d + e, Math.min(WIDTH, d - e));
            }
        }
    }

    /** @return the floats of a tile that {@link #scores} and {@link #mix} need */
    int tile() {
        return halves ? TILE * paddedD() : 0;
    }

    /**
     * p [m,width] += q[qAt..] [m,D]·kᵀ of the first {@code width} tokens, a multiple of 16, those that are missing
     * included.
     */
    void scores(int row, int head, int m, int width, float[] q, int qAt, float[] p, float[] tile) {
        int at = keysAt(row, head, 0);
        if (keys[row] instanceof CachePanels.F32 k) {
            Simd.panels().panels(m, d, width / WIDTH, q, qAt, d, k.values(), at, WIDTH * d, p, 0, width);
        } else if (keys[row] instanceof CachePanels.F16 k) {
            for (int token = 0; token < width; token += TILE) {
                int n = Math.min(TILE, width - token);
                k.decode(at + token * d, n * d, tile, 0);
                Simd.panels().panels(m, d, n / WIDTH, q, qAt, d, tile, 0, WIDTH * d, p, token, width);
            }
        }
    }

    /**
     * y[yAt..] [m,D], of which rows are {@link #paddedD} apart, += p [m,n]·v, of which rows are {@code width} apart. Halves
     * are added by 64 tokens, one sum after the other.
     */
    void mix(int row, int head, int m, int n, int width, float[] p, float[] y, int yAt, float[] tile) {
        if (values[row] instanceof CachePanels.F32 v) {
            int at = valuesAt(row, head, 0, 0);
            Simd.panels()
                    .panels(m, n, dPanels, p, 0, width, v.values(), at, WIDTH * capacities[row], y, yAt, paddedD());
        } else if (values[row] instanceof CachePanels.F16 v) {
            for (int token = 0; token < n; token += TILE) {
                int terms = Math.min(TILE, n - token);
                for (int panel = 0; panel < dPanels; panel++) {
                    v.decode(valuesAt(row, head, token, panel * WIDTH), terms * WIDTH, tile, panel * terms * WIDTH);
                }
                Simd.panels().panels(m, terms, dPanels, p, token, width, tile, 0, WIDTH * terms, y, yAt, paddedD());
            }
        }
    }

    /** @return D, filled up to a multiple of 16 */
    int paddedD() {
        return dPanels * WIDTH;
    }

    private int keysAt(int row, int head, int token) {
        return (head * capacities[row] + token / WIDTH * WIDTH) * d + token % WIDTH;
    }

    /** @param e the entry, a multiple of 16 */
    private int valuesAt(int row, int head, int token, int e) {
        return ((head * dPanels + e / WIDTH) * capacities[row] + token) * WIDTH;
    }

    /** Lets the sequence {@code to} have the first {@code tokens} of {@code from}. */
    void copy(int from, int to, int tokens) {
        if (tokens == 0) {
            return;
        }
        allocate(to, tokens);
        for (int head = 0; head < kvHeads; head++) {
            int length = Tiles.roundUp(tokens, WIDTH) * d;
            keys[from].copy(keysAt(from, head, 0), keys[to], keysAt(to, head, 0), length);
            for (int e = 0; e < d; e += WIDTH) {
                int at = valuesAt(to, head, 0, e);
                values[from].copy(valuesAt(from, head, 0, e), values[to], at, tokens * WIDTH);
            }
        }
    }

    /** @return the memory that it has, in bytes */
    long bytes() {
        long bytes = 0;
        for (int row = 0; row < keys.length; row++) {
            bytes += values[row] == null ? 0 : keys[row].bytes() + values[row].bytes();
        }
        return bytes;
    }

    /** Gives the memory back. */
    void close() {
        Arrays.fill(keys, null);
        Arrays.fill(values, null);
        Arrays.fill(capacities, 0);
    }
}
