package org.minigpt.internal.kernels;

import java.util.Arrays;
import org.minigpt.internal.simd.Products;
import org.minigpt.internal.simd.Simd;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Caches of keys and values [R,K,S,D] on the heap, as a single query wants them: as {@link Products panels}, keys
 * [R,K,S/16,D,16] and values [R,K,D/16,S,16]. From native memory, where a BLAS takes a head's rows one after the other,
 * they come at two thirds of the rate.
 *
 * <p>Tokens of prompts are put to the caches in native memory, single ones here, and each is moved to where it is asked
 * for. Safe for use by several threads, as long as each has other heads or sequences.
 */
public final class HeapCache {
    private static final int WIDTH = Products.WIDTH;

    private final Floats nativeKeys;
    private final Floats nativeValues;
    private final int kvHeads; // K
    private final int nativeCapacity; // S
    private final int capacity; // S, filled up
    private final int d;
    private final int dPanels;
    private final int[] here; // [R,K], tokens from the first on
    private final int[] there; // [R,K], the same of native memory
    private float[] keys;
    private float[] values;

    /**
     * @param keys the cache in native memory, [R,K,S,D]
     * @param values as many
     */
    HeapCache(INDArray keys, INDArray values) {
        this.nativeKeys = Floats.of(keys);
        this.nativeValues = Floats.of(values);
        this.kvHeads = (int) keys.size(1);
        this.nativeCapacity = (int) keys.size(2);
        this.capacity = Tiles.roundUp(nativeCapacity, WIDTH);
        this.d = (int) keys.size(3);
        this.dPanels = Tiles.roundUp(d, WIDTH) / WIDTH;
        this.here = new int[(int) keys.size(0) * kvHeads];
        this.there = new int[here.length];
    }

    /** @return the floats that it takes on the heap */
    long length() {
        return (long) here.length * capacity * (d + dPanels * WIDTH);
    }

    /** Makes room; a sequence that is but a prompt needs none. */
    synchronized void allocate() {
        if (keys == null) {
            keys = new float[here.length * capacity * d];
            values = new float[here.length * capacity * dPanels * WIDTH];
        }
    }

    /** Puts the first tokens of a sequence, which are about to be read there, to the caches in native memory. */
    void toNative(int row, int tokens) {
        float[] tile = new float[d];
        for (int head = row * kvHeads; head < (row + 1) * kvHeads; head++) {
            for (int token = there[head]; token < tokens; token++) {
                int from = keysAt(head, token);
                for (int e = 0; e < d; e++) {
                    tile[e] = keys[from + e * WIDTH];
                }
                nativeKeys.write(nativeAt(head, token), tile, 0, d);
                for (int e = 0; e < d; e += WIDTH) {
                    System.arraycopy(values, valuesAt(head, token, e), tile, e, Math.min(WIDTH, d - e));
                }
                nativeValues.write(nativeAt(head, token), tile, 0, d);
            }
            there[head] = Math.max(there[head], tokens);
        }
    }

    /** Tokens of a sequence have been put to the caches in native memory: those from {@code from} up to {@code to}. */
    void putNative(int row, int from, int to) {
        for (int head = row * kvHeads; head < (row + 1) * kvHeads; head++) {
            here[head] = Math.min(here[head], from);
            there[head] = to;
        }
    }

    /**
     * Appends a token of a head.
     *
     * @param head of keys and values, row·K + head
     * @param past the tokens before it
     * @param key where in {@code qkv} its key begins
     * @param value where its value begins
     * @param tile of at least D floats
     */
    void append(int head, int past, Floats qkv, int key, int value, float[] tile) {
        for (int token = here[head]; token < past; token++) {
            int from = nativeAt(head, token);
            put(head, token, nativeKeys, from, nativeValues, from, tile);
        }
        put(head, past, qkv, key, qkv, value, tile);
        here[head] = past + 1;
        there[head] = Math.min(there[head], past);
    }

    private void put(int head, int token, Floats keysFrom, int key, Floats valuesFrom, int value, float[] tile) {
        keysFrom.read(key, tile, 0, d);
        int to = keysAt(head, token);
        for (int e = 0; e < d; e++) {
            keys[to + e * WIDTH] = tile[e];
        }
        valuesFrom.read(value, tile, 0, d);
        for (int e = 0; e < d; e += WIDTH) {
            System.arraycopy(tile, e, values, valuesAt(head, token, e), Math.min(WIDTH, d - e));
        }
    }

    /** p [n] = q [D]·kᵀ, and minus infinity from there to the next multiple of 16. @return that multiple */
    int scores(int head, int n, float[] q, int qAt, float[] p) {
        int width = Tiles.roundUp(n, WIDTH);
        Simd.PRODUCTS.panelRow(d, width / WIDTH, q, qAt, keys, keysAt(head, 0), WIDTH * d, p, 0);
        Arrays.fill(p, n, width, Float.NEGATIVE_INFINITY);
        return width;
    }

    /** y [D] = p [n]·v, filled up to a multiple of 16. */
    void mix(int head, int n, float[] p, float[] y) {
        Simd.PRODUCTS.panelRow(n, dPanels, p, 0, values, valuesAt(head, 0, 0), WIDTH * capacity, y, 0);
    }

    private int keysAt(int head, int token) {
        return (head * capacity + token / WIDTH * WIDTH) * d + token % WIDTH;
    }

    /** @param e the entry, a multiple of 16 */
    private int valuesAt(int head, int token, int e) {
        return ((head * dPanels + e / WIDTH) * capacity + token) * WIDTH;
    }

    private int nativeAt(int head, int token) {
        return (head * nativeCapacity + token) * d;
    }
}
