package org.minigpt.internal.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.internal.simd.Products;
import org.minigpt.internal.simd.ProductsTest;
import org.minigpt.internal.simd.Simd;
import org.minigpt.runtime.MiniGptRuntime;

/** Products of one row and of few, at sizes that fill panels, blocks of rows and vectors and that do not. */
class InferenceKernelsTest {
    static {
        MiniGptRuntime.install();
    }

    /** W [3,2] has the rows (1, 2), (3, 4) and (5, 6). */
    private static final float[] W = {1, 2, 3, 4, 5, 6};

    static Floats floats(float... values) {
        Floats memory = Floats.allocate(values.length);
        memory.write(0, values, 0, values.length);
        return memory;
    }

    static float[] read(Floats memory, int at, int n) {
        float[] values = new float[n];
        memory.read(at, values, 0, n);
        return values;
    }

    @Test
    void panelsByHand() {
        Floats y = floats(9, 9, 9, 9);
        Floats x = floats(1, 2, 3, 0, -1, 1);

        new InferenceLinearKernel(2, 3, 2, false, x, floats(W), floats(10, 20), y, new WeightPanels()).columns(0, 2);

        // (1, 2, 3): 1·1 + 2·3 + 3·5 = 22, 1·2 + 2·4 + 3·6 = 28; (0, -1, 1): -3 + 5 = 2, -4 + 6 = 2; and (10, 20).
        assertArrayEquals(new float[] {32, 48, 12, 22}, read(y, 0, 4));
    }

    @Test
    void panelsOfTransposedWeightsByHand() {
        Floats y = floats(9, 9, 9, 9, 9, 9);
        Floats x = floats(1, 2, 0, -1);

        new InferenceLinearKernel(2, 2, 3, true, x, floats(W), null, y, new WeightPanels()).columns(0, 3);

        // (1, 2) by the rows of W: 1 + 4 = 5, 3 + 8 = 11, 5 + 12 = 17; (0, -1): -2, -4, -6.
        assertArrayEquals(new float[] {5, 11, 17, -2, -4, -6}, read(y, 0, 6));
    }

    @Test
    void panelsKeepTheirWeightsUntilTheyForgetThem() {
        Floats w = floats(W);
        Floats y = floats(0, 0);
        WeightPanels panels = new WeightPanels();
        InferenceLinearKernel kernel = new InferenceLinearKernel(1, 3, 2, false, floats(1, 0, 0), w, null, y, panels);
        kernel.columns(0, 2);
        assertArrayEquals(new float[] {1, 2}, read(y, 0, 2));
        w.put(1, 7);

        kernel.columns(0, 2);
        assertArrayEquals(new float[] {1, 2}, read(y, 0, 2));

        panels.forget();
        kernel.columns(0, 2);
        assertArrayEquals(new float[] {1, 7}, read(y, 0, 2));
    }

    @ParameterizedTest
    @CsvSource({"2,1,1", "3,5,15", "4,16,16", "5,33,17", "8,128,65", "17,64,48", "32,512,128"})
    void panelsAreAsInDoubles(int rows, int in, int out) {
        Random random = new Random(7);
        float[] x = ProductsTest.normal(random, rows * in);
        float[] w = ProductsTest.normal(random, in * out);
        float[] b = ProductsTest.normal(random, out);
        for (boolean outIn : new boolean[] {false, true}) {
            for (boolean biased : new boolean[] {false, true}) {
                Floats y = Floats.allocate(rows * out);
                WeightPanels panels = new WeightPanels();
                Floats bias = biased ? floats(b) : null;
                // In two parts, as two threads do it, and each from the beginning of a panel.
                int middle = out / 2 / Products.WIDTH * Products.WIDTH;
                for (int from : new int[] {0, middle}) {
                    new InferenceLinearKernel(rows, in, out, outIn, floats(x), floats(w), bias, y, panels)
                            .columns(from, from == middle ? out : middle);
                }
                assertProduct(rows, in, out, outIn, x, w, biased ? b : new float[out], read(y, 0, rows * out));
            }
        }
    }

    static void assertProduct(int rows, int in, int out, boolean outIn, float[] x, float[] w, float[] b, float[] y) {
        for (int r = 0; r < rows; r++) {
            for (int j = 0; j < out; j++) {
                double sum = b[j];
                for (int k = 0; k < in; k++) {
                    sum += (double) x[r * in + k] * w[outIn ? j * in + k : k * out + j];
                }
                assertEquals(sum, y[r * out + j], 1e-6 * (1 + in), "entry " + r + ", " + j);
            }
        }
    }

    @Test
    void panelsAreUsedWhereVectorsHaveEightFloats() {
        assertEquals(Simd.PRODUCTS.fasterAt(Products.Kind.PANELS), WeightPanels.useful());
    }

    @Test
    void halvesOfARowByHand() {
        // x is 1 in every second term: of the first half of eight, rows 0 and 2, of the other rows 4 and 6.
        float[] x = {1, 0, 1, 0, 1, 0, 1, 0};
        float[] w = new float[16]; // row k is (k, 10·k)
        for (int k = 0; k < 8; k++) {
            w[2 * k] = k;
            w[2 * k + 1] = 10 * k;
        }
        Floats y = floats(9, 9);
        RowTimesMatrixKernel kernel = new RowTimesMatrixKernel(8, 2, floats(x), floats(w), floats(1, -1), y);

        kernel.lower();
        kernel.upper();
        kernel.finish();

        // 0 + 2 + 4 + 6 = 12, and (1, -1).
        assertArrayEquals(new float[] {13, 119}, read(y, 0, 2));
    }

    @ParameterizedTest
    @CsvSource({"8,1", "9,16", "31,65", "128,384", "513,129"})
    void halvesAreAsInDoubles(int in, int out) {
        assertTrue(RowTimesMatrixKernel.splits(in));
        Random random = new Random(8);
        float[] x = ProductsTest.normal(random, in);
        float[] w = ProductsTest.normal(random, in * out);
        float[] b = ProductsTest.normal(random, out);
        for (boolean biased : new boolean[] {false, true}) {
            Floats y = Floats.allocate(out);
            RowTimesMatrixKernel kernel =
                    new RowTimesMatrixKernel(in, out, floats(x), floats(w), biased ? floats(b) : null, y);
            kernel.upper();
            kernel.lower();
            kernel.finish();
            assertProduct(1, in, out, false, x, w, biased ? b : new float[out], read(y, 0, out));
        }
    }
}
