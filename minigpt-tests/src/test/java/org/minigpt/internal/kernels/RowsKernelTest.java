package org.minigpt.internal.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.internal.parallel.Team;
import org.minigpt.internal.simd.ProductsTest;
import org.minigpt.runtime.MiniGptRuntime;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Products of single tokens and of prompts: by hand, as in doubles, and with the same bits in any company. */
class RowsKernelTest {
    static {
        MiniGptRuntime.install();
    }

    /** W [3,2] has the rows (1, 2), (3, 4) and (5, 6). */
    private static final float[] W = {1, 2, 3, 4, 5, 6};

    private static Floats floats(float... values) {
        Floats memory = Floats.allocate(values.length);
        memory.write(0, values, 0, values.length);
        return memory;
    }

    private static LinearOperands operands(
            int rows, int in, int out, boolean outIn, float[] x, float[] w, float[] b, Floats y) {
        return new LinearOperands(rows, in, out, outIn, floats(x), floats(w), b == null ? null : floats(b), y);
    }

    /** @param keeps whether the weights are kept on the heap */
    private static DecodeMemory memory(int threads, boolean keeps) {
        return new DecodeMemory(new Team(threads), keeps ? 0 : Long.MAX_VALUE);
    }

    /** @return y, by the kernel that is chosen */
    private static float[] product(
            int rows,
            int in,
            int out,
            boolean outIn,
            float[] x,
            float[] w,
            float[] b,
            boolean tokenEach,
            DecodeMemory memory) {
        Floats y = Floats.allocate(rows * out);
        INDArray key = Nd4j.zeros(1);
        Runnable kernel = LinearChoice.bind(operands(rows, in, out, outIn, x, w, b, y), key, tokenEach, memory);
        kernel.run();
        kernel.run(); // nothing of the first run is left in the sums
        float[] values = new float[rows * out];
        y.read(0, values, 0, values.length);
        return values;
    }

    @Test
    void byHand() {
        float[] x = {1, 2, 3, 0, -1, 1};
        float[] b = {10, 20};
        for (boolean keeps : new boolean[] {true, false}) {
            for (boolean tokenEach : new boolean[] {true, false}) {
                float[] y = product(2, 3, 2, false, x, W, b, tokenEach, memory(1, keeps));
                // (1, 2, 3): 1·1 + 2·3 + 3·5 = 22, 1·2 + 2·4 + 3·6 = 28; (0, -1, 1): -3 + 5 = 2, -4 + 6 = 2; and b.
                assertArrayEquals(new float[] {32, 48, 12, 22}, y);
                assertArrayEquals(
                        new float[] {32, 48},
                        product(1, 3, 2, false, new float[] {1, 2, 3}, W, b, tokenEach, memory(1, keeps)));
                // (1, 2) by the rows of W: 1 + 4 = 5, 3 + 8 = 11, 5 + 12 = 17; (0, -1): -2, -4, -6; and b.
                float[] third = {0, 0, 100};
                y = product(2, 2, 3, true, new float[] {1, 2, 0, -1}, W, third, tokenEach, memory(1, keeps));
                assertArrayEquals(new float[] {5, 11, 117, -2, -4, 94}, y);
            }
        }
    }

    /** A large W's terms are in eight groups, whose sums are added one after the other. */
    @Test
    void groupsByHand() {
        TermGroups groups = TermGroups.of(128, 2048);
        assertEquals(8, groups.count());
        assertEquals(1, TermGroups.of(128, 2047).count(), "less than 2^18 floats");
        assertEquals(1, TermGroups.of(31, 1 << 20).count(), "less than a quarter of a group");
        // Groups of 16 terms, 0, 16, ... 112, quarters of 4: 0, 4, 8, 12, 1, 5, ...
        assertEquals(48, groups.first(3));
        float[] x = new float[128];
        for (int k = 0; k < 128; k++) {
            x[k] = k;
        }
        float[] ordered = new float[128];
        groups.order(1, x, ordered);
        assertArrayEquals(new float[] {0, 4, 8, 12, 1, 5}, Arrays.copyOf(ordered, 6));
        assertArrayEquals(new float[] {16, 20, 24, 28, 17}, Arrays.copyOfRange(ordered, 16, 21));
        // Column j of W is 1 but for 2^24 in term 0. Group 0 is 2^24, to which fifteen 1s add nothing one by one; each
        // other group adds 16.
        float[] w = new float[128 * 2048];
        Arrays.fill(w, 1);
        Arrays.fill(w, 0, 2048, 1 << 24);
        Arrays.fill(x, 1);
        float[] y = product(1, 128, 2048, false, x, w, null, true, memory(2, false));
        assertEquals((1 << 24) + 7 * 16, y[0]);
        assertEquals((1 << 24) + 7 * 16, y[2047]);
    }

    @Test
    void keptWeightsAreCopiedAnewOnceForgotten() {
        Floats y = floats(0, 0);
        LinearOperands o = operands(1, 3, 2, false, new float[] {1, 0, 0}, W, null, y);
        DecodeMemory memory = memory(1, true);
        INDArray key = Nd4j.zeros(1);
        assertSame(memory.panels(key, o, TermGroups.of(3, 2)), memory.panels(key, o, TermGroups.of(3, 2)));
        Runnable kernel = LinearChoice.bind(o, key, true, memory);
        kernel.run();
        o.w().put(1, 7);
        kernel.run();
        assertEquals(2, y.get(1));

        memory.forgetWeights();
        kernel.run();
        assertEquals(7, y.get(1));
    }

    /** Rows, terms, columns. */
    @ParameterizedTest
    @CsvSource({
        "1,1,1",
        "3,5,15",
        "4,16,16",
        "5,33,17",
        "8,128,65",
        "17,64,48",
        "2,512,128",
        "13,300,96",
        "3,132,2048",
        "6,1040,260"
    })
    void asInDoublesAndWithTheSameBitsInAnyCompany(int rows, int in, int out) {
        Random random = new Random(7);
        float[] x = ProductsTest.normal(random, rows * in);
        float[] w = ProductsTest.normal(random, in * out);
        float[] b = ProductsTest.normal(random, out);
        for (boolean outIn : new boolean[] {false, true}) {
            for (float[] bias : new float[][] {null, b}) {
                float[][] alone = new float[rows][];
                for (int r = 0; r < rows; r++) {
                    float[] row = Arrays.copyOfRange(x, r * in, (r + 1) * in);
                    alone[r] = product(1, in, out, outIn, row, w, bias, true, memory(1, false));
                    assertArrayEquals(alone[r], product(1, in, out, outIn, row, w, bias, true, memory(3, true)));
                    assertProduct(r, in, out, outIn, x, w, bias, alone[r]);
                }
                for (int threads : new int[] {1, 2, 3, 5, 8}) {
                    for (boolean keeps : new boolean[] {true, false}) {
                        float[] y = product(rows, in, out, outIn, x, w, bias, true, memory(threads, keeps));
                        for (int r = 0; r < rows; r++) {
                            assertArrayEquals(alone[r], Arrays.copyOfRange(y, r * out, (r + 1) * out));
                        }
                    }
                }
            }
        }
    }

    /** Rows that OpenBLAS multiplies without packing, and more. */
    @ParameterizedTest
    @CsvSource({"2,5,15", "31,600,400", "33,128,384", "96,600,1000"})
    void promptsAreAsInDoublesWithAnyNumberOfThreads(int rows, int in, int out) {
        Random random = new Random(8);
        float[] x = ProductsTest.normal(random, rows * in);
        float[] w = ProductsTest.normal(random, in * out);
        float[] b = ProductsTest.normal(random, out);
        for (boolean outIn : new boolean[] {false, true}) {
            float[] expected = product(rows, in, out, outIn, x, w, b, false, memory(1, false));
            for (int r = 0; r < rows; r++) {
                assertProduct(r, in, out, outIn, x, w, b, Arrays.copyOfRange(expected, r * out, (r + 1) * out));
            }
            for (int threads : new int[] {2, 3, 5}) {
                assertArrayEquals(expected, product(rows, in, out, outIn, x, w, b, false, memory(threads, true)));
            }
        }
    }

    /** @param b null for none */
    private static void assertProduct(
            int r, int in, int out, boolean outIn, float[] x, float[] w, float[] b, float[] y) {
        for (int j = 0; j < out; j++) {
            double sum = b == null ? 0 : b[j];
            for (int k = 0; k < in; k++) {
                sum += (double) x[r * in + k] * w[outIn ? j * in + k : k * out + j];
            }
            assertEquals(sum, y[j], 1e-6 * (1 + in), "entry " + r + ", " + j);
        }
    }

    @Test
    void partsByHand() {
        // 1 row of 768 x 2304 floats is 7,077,888 bytes, 144 times 48 KiB: four parts for each of two threads.
        assertEquals(8, LinearChoice.parts(shape(1, 768, 2304), 2));
        // 128 x 384 is 196,608 bytes, 4 times 48 KiB: a part for each thread.
        assertEquals(2, LinearChoice.parts(shape(1, 128, 384), 2));
        assertEquals(4, LinearChoice.parts(shape(1, 128, 384), 8));
        // 64 x 192 is 48 KiB, worth one thread; with 16 rows two, and not more than two lines of 32 columns.
        assertEquals(1, LinearChoice.parts(shape(1, 64, 192), 2));
        assertEquals(2, LinearChoice.parts(shape(16, 384, 32), 8));
        // Of prompts: 768/192, 2304/192 but at most 8, and 128/64.
        assertEquals(4, LinearChoice.promptParts(shape(512, 768, 768)));
        assertEquals(8, LinearChoice.promptParts(shape(512, 768, 2304)));
        assertEquals(2, LinearChoice.promptParts(shape(64, 128, 128)));
    }

    private static LinearOperands shape(int rows, int in, int out) {
        return new LinearOperands(rows, in, out, false, null, null, null, null);
    }
}
