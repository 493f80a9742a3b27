package org.minigpt.internal.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.internal.parallel.Team;
import org.minigpt.internal.parallel.Work;
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

    private static LinearOperands operands(
            int rows, int in, int out, boolean outIn, float[] x, float[] w, float[] b, Floats y) {
        return new LinearOperands(rows, in, out, outIn, floats(x), floats(w), b == null ? null : floats(b), y);
    }

    private static WeightPanels panels(LinearOperands o) {
        return new WeightPanels(o.in(), o.out(), o.outIn(), o.w());
    }

    @Test
    void panelsByHand() {
        Floats y = floats(9, 9, 9, 9);
        LinearOperands o = operands(2, 3, 2, false, new float[] {1, 2, 3, 0, -1, 1}, W, new float[] {10, 20}, y);

        Work.alone(new PanelRowsKernel(o, panels(o), 1));

        // (1, 2, 3): 1·1 + 2·3 + 3·5 = 22, 1·2 + 2·4 + 3·6 = 28; (0, -1, 1): -3 + 5 = 2, -4 + 6 = 2; and (10, 20).
        assertArrayEquals(new float[] {32, 48, 12, 22}, read(y, 0, 4));
    }

    @Test
    void panelsOfTransposedWeightsByHand() {
        Floats y = floats(9, 9, 9, 9, 9, 9);
        LinearOperands o = operands(2, 2, 3, true, new float[] {1, 2, 0, -1}, W, null, y);

        Work.alone(new PanelRowsKernel(o, panels(o), 1));

        // (1, 2) by the rows of W: 1 + 4 = 5, 3 + 8 = 11, 5 + 12 = 17; (0, -1): -2, -4, -6.
        assertArrayEquals(new float[] {5, 11, 17, -2, -4, -6}, read(y, 0, 6));
    }

    @Test
    void panelsKeepTheirWeightsUntilTheyForgetThem() {
        Floats y = floats(0, 0);
        LinearOperands o = operands(1, 3, 2, false, new float[] {1, 0, 0}, W, null, y);
        WeightPanels panels = panels(o);
        Work kernel = new PanelRowsKernel(o, panels, 1);
        Work.alone(kernel);
        assertArrayEquals(new float[] {1, 2}, read(y, 0, 2));
        o.w().put(1, 7);

        Work.alone(kernel);
        assertArrayEquals(new float[] {1, 2}, read(y, 0, 2));

        panels.forget();
        Work.alone(kernel);
        assertArrayEquals(new float[] {1, 7}, read(y, 0, 2));
    }

    @Test
    void columnsByHand() {
        Floats y = floats(9, 9, 9, 9);
        LinearOperands o = operands(2, 3, 2, false, new float[] {1, 2, 3, 0, -1, 1}, W, new float[] {10, 20}, y);

        Work.alone(new BlasRowsKernel(o, true, 1));

        // As by panels.
        assertArrayEquals(new float[] {32, 48, 12, 22}, read(y, 0, 4));
    }

    @Test
    void rowsByHand() {
        Floats y = floats(9, 9, 9, 9, 9, 9);
        LinearOperands o = operands(2, 2, 3, true, new float[] {1, 2, 0, -1}, W, new float[] {0, 0, 100}, y);

        Work.alone(new BlasRowsKernel(o, false, 1));

        // As by panels, and 100 in the last column.
        assertArrayEquals(new float[] {5, 11, 117, -2, -4, 94}, read(y, 0, 6));
    }

    /** Sizes that have whole parts and that do not, in one part and in as many as several threads take. */
    @ParameterizedTest
    @CsvSource({"2,1,1", "3,5,15", "4,16,16", "5,33,17", "8,128,65", "17,64,48", "32,512,128", "80,600,96"})
    void rowsAreAsInDoubles(int rows, int in, int out) {
        Random random = new Random(7);
        float[] x = ProductsTest.normal(random, rows * in);
        float[] w = ProductsTest.normal(random, in * out);
        float[] b = ProductsTest.normal(random, out);
        for (boolean outIn : new boolean[] {false, true}) {
            for (float[] bias : new float[][] {null, b}) {
                for (int parts : new int[] {1, 2, 3, 5}) {
                    int columns = Math.max(1, Math.min(parts, out / 16));
                    Floats y = Floats.allocate(rows * out);
                    LinearOperands o = operands(rows, in, out, outIn, x, w, bias, y);
                    for (Work kernel : List.of(
                            new PanelRowsKernel(o, panels(o), columns),
                            new BlasRowsKernel(o, true, columns),
                            new BlasRowsKernel(o, false, Math.max(1, Math.min(parts, rows / 16))))) {
                        y.write(0, new float[rows * out], 0, rows * out);
                        new Team(parts).run(kernel);
                        assertProduct(rows, in, out, outIn, x, w, bias, read(y, 0, rows * out));
                    }
                }
            }
        }
    }

    /** @param b null for none */
    static void assertProduct(int rows, int in, int out, boolean outIn, float[] x, float[] w, float[] b, float[] y) {
        for (int r = 0; r < rows; r++) {
            for (int j = 0; j < out; j++) {
                double sum = b == null ? 0 : b[j];
                for (int k = 0; k < in; k++) {
                    sum += (double) x[r * in + k] * w[outIn ? j * in + k : k * out + j];
                }
                assertEquals(sum, y[r * out + j], 1e-6 * (1 + in), "entry " + r + ", " + j);
            }
        }
    }

    @Test
    void panelsAreUsedWhereVectorsHaveEightFloats() {
        assertEquals(Simd.PRODUCTS.fasterAt(Products.Kind.PANELS), LinearChoice.keepsWeights(1000));
        assertFalse(LinearChoice.keepsWeights((4 << 20) + 1), "a large model");
    }

    @Test
    void termsOfARowByHand() {
        // x is 1 in every second term: of the first half of eight, rows 0 and 2, of the other rows 4 and 6.
        float[] x = {1, 0, 1, 0, 1, 0, 1, 0};
        float[] w = new float[16]; // row k is (k, 10·k)
        for (int k = 0; k < 8; k++) {
            w[2 * k] = k;
            w[2 * k + 1] = 10 * k;
        }
        Floats y = floats(9, 9);
        BlasRowKernel kernel = new BlasRowKernel(operands(1, 8, 2, false, x, w, new float[] {1, -1}, y), 2);

        kernel.run(0);
        assertArrayEquals(new float[] {3, 19}, read(y, 0, 2), "0 + 2 and (1, -1)");
        kernel.run(1);
        kernel.finish();

        // 0 + 2 + 4 + 6 = 12, and (1, -1).
        assertArrayEquals(new float[] {13, 119}, read(y, 0, 2));
    }

    @Test
    void entriesOfARowByHand() {
        Floats y = floats(9, 9, 9);
        Work.alone(new BlasRowKernel(operands(1, 2, 3, true, new float[] {1, 2}, W, new float[] {0, 0, 100}, y), 1));

        // (1, 2) by the rows of W.
        assertArrayEquals(new float[] {5, 11, 117}, read(y, 0, 3));
    }

    @ParameterizedTest
    @CsvSource({"8,1", "9,16", "31,65", "128,384", "513,129"})
    void aRowIsAsInDoubles(int in, int out) {
        Random random = new Random(8);
        float[] x = ProductsTest.normal(random, in);
        float[] w = ProductsTest.normal(random, in * out);
        float[] b = ProductsTest.normal(random, out);
        for (boolean outIn : new boolean[] {false, true}) {
            for (float[] bias : new float[][] {null, b}) {
                for (int threads : new int[] {1, 2, 3, 5}) {
                    Floats y = Floats.allocate(out);
                    int parts = Math.max(1, Math.min(threads, outIn ? out / 16 : in / 4));
                    Work kernel = new BlasRowKernel(operands(1, in, out, outIn, x, w, bias, y), parts);
                    Team team = new Team(threads);
                    team.run(kernel);
                    team.run(kernel); // nothing of the first run is left in the sums
                    assertProduct(1, in, out, outIn, x, w, bias, read(y, 0, out));
                }
            }
        }
    }
}
