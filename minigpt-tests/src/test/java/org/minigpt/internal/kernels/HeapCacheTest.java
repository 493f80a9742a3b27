package org.minigpt.internal.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.minigpt.internal.kernels.InferenceKernelsTest.floats;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.internal.simd.ProductsTest;
import org.minigpt.runtime.MiniGptRuntime;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Keys and values that lie on the heap or in native memory, and are moved to where they are asked for. */
class HeapCacheTest {
    static {
        MiniGptRuntime.install();
    }

    /** A sequence of up to 3 tokens, whose one head has 2 entries. */
    private static HeapCache cache(INDArray keys, INDArray values) {
        HeapCache cache = new HeapCache(keys, values);
        cache.allocate();
        return cache;
    }

    /** @return the entries of a cache [1,1,3,2] */
    private static INDArray cache(float... entries) {
        return Nd4j.createFromArray(entries).reshape(1, 1, 3, 2);
    }

    private static float[] read(INDArray array, int from, int n) {
        return Arrays.copyOfRange(array.dup().data().asFloat(), from, from + n);
    }

    @Test
    void byHand() {
        HeapCache cache = cache(cache(new float[6]), cache(new float[6]));
        float[] tile = new float[16];
        cache.append(0, 0, floats(1, 2, 10, 20), 0, 2, tile);
        cache.append(0, 1, floats(3, 4, 30, 40), 0, 2, tile);

        float[] p = new float[16];
        assertEquals(16, cache.scores(0, 2, new float[] {9, 1, -1}, 1, p));
        // (1, -1) by the keys (1, 2) and (3, 4): 1 - 2 = -1, 3 - 4 = -1; what is no token has no chance.
        assertArrayEquals(new float[] {-1, -1, Float.NEGATIVE_INFINITY}, new float[] {p[0], p[1], p[2]});

        float[] y = new float[16];
        cache.mix(0, 2, new float[] {0.5f, 2}, y);
        // 0.5·(10, 20) + 2·(30, 40)
        assertArrayEquals(new float[] {65, 90}, new float[] {y[0], y[1]});
    }

    @Test
    void tokensOfAPromptAreFetchedAndSingleOnesPutBack() {
        INDArray keys = cache(1, 2, 0, 0, 0, 0);
        INDArray values = cache(10, 20, 0, 0, 0, 0);
        HeapCache cache = cache(keys, values);
        cache.putNative(0, 0, 1);
        float[] p = new float[16];

        cache.append(0, 1, floats(3, 4, 30, 40), 0, 2, new float[16]);
        cache.scores(0, 2, new float[] {1, 1}, 0, p);
        assertArrayEquals(new float[] {3, 7}, new float[] {p[0], p[1]});
        assertArrayEquals(new float[] {1, 2, 0, 0}, read(keys, 0, 4), "not before it is asked for");

        cache.toNative(0, 2);
        assertArrayEquals(new float[] {1, 2, 3, 4, 0, 0}, read(keys, 0, 6));
        assertArrayEquals(new float[] {10, 20, 30, 40, 0, 0}, read(values, 0, 6));
    }

    @Test
    void whatIsPutAnewReplacesWhatWasThere() {
        INDArray keys = cache(new float[6]);
        INDArray values = cache(new float[6]);
        HeapCache cache = cache(keys, values);
        float[] tile = new float[16];
        cache.append(0, 0, floats(1, 1, 1, 1), 0, 2, tile);
        cache.append(0, 1, floats(2, 2, 2, 2), 0, 2, tile);
        cache.toNative(0, 2);

        // The sequence begins anew with a single token, and goes on with a prompt.
        cache.append(0, 0, floats(5, 5, 5, 5), 0, 2, tile);
        cache.toNative(0, 1);
        Floats.of(keys).write(2, new float[] {6, 6}, 0, 2);
        Floats.of(values).write(2, new float[] {6, 6}, 0, 2);
        cache.putNative(0, 1, 2);
        cache.append(0, 2, floats(7, 7, 7, 7), 0, 2, tile);

        float[] p = new float[16];
        cache.scores(0, 3, new float[] {1, 0}, 0, p);
        assertArrayEquals(new float[] {5, 6, 7}, new float[] {p[0], p[1], p[2]});
        cache.toNative(0, 3);
        assertArrayEquals(new float[] {5, 5, 6, 6, 7, 7}, read(keys, 0, 6));
        assertArrayEquals(new float[] {5, 5, 6, 6, 7, 7}, read(values, 0, 6));
    }

    /** Heads of queries, heads of keys, entries of a head, tokens of a prompt. */
    @ParameterizedTest
    @CsvSource({"1,1,3,0", "2,2,8,5", "4,2,16,1", "3,1,20,17", "2,2,32,40", "1,1,64,70", "2,1,80,33"})
    void attentionIsAsWithoutHeap(int heads, int kvHeads, int d, int prompt) {
        int capacity = 77;
        int width = (heads + 2 * kvHeads) * d;
        Random random = new Random(9);
        int rows = 2;
        for (boolean alibi : new boolean[] {false, true}) {
            INDArray[] caches = new INDArray[4];
            for (int i = 0; i < 4; i++) {
                caches[i] = Nd4j.zeros(DataType.FLOAT, rows, kvHeads, capacity, d);
            }
            HeapCache heap = new HeapCache(caches[2], caches[3]);
            int past = 0;
            // A prompt, three tokens, a few at once, and two tokens.
            for (int count : new int[] {prompt, 1, 1, 1, 2, 1, 1}) {
                if (count == 0) {
                    continue;
                }
                Floats qkv = floats(ProductsTest.normal(random, count * width));
                Floats expected = Floats.allocate(count * heads * d);
                Floats found = Floats.allocate(count * heads * d);
                AttentionShape shape = new AttentionShape(count, heads, kvHeads, d, alibi);
                for (int i = 0; i < 4; i += 2) {
                    CachedAttentionKernel kernel = new CachedAttentionKernel(
                            shape,
                            capacity,
                            qkv,
                            Floats.of(caches[i]),
                            Floats.of(caches[i + 1]),
                            i == 0 ? null : heap,
                            i == 0 ? expected : found);
                    // The new tokens of the second sequence.
                    kernel.append(0, 1, past, count);
                    for (int k = 0; k < kvHeads; k++) {
                        kernel.attend(0, 1, k, past, count);
                    }
                }
                assertArrayEquals(
                        InferenceKernelsTest.read(expected, 0, count * heads * d),
                        InferenceKernelsTest.read(found, 0, count * heads * d),
                        2e-6f,
                        "after " + past);
                past += count;
            }
            heap.toNative(1, past);
            int all = rows * kvHeads * capacity * d;
            assertArrayEquals(read(caches[0], all / 2, all / 2), read(caches[2], all / 2, all / 2));
            assertArrayEquals(read(caches[1], all / 2, all / 2), read(caches[3], all / 2, all / 2));
        }
    }
}
