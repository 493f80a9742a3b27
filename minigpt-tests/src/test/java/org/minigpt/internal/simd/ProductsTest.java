package org.minigpt.internal.simd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Products in all variants, at sizes that fill blocks of rows, panels and vectors and that do not. */
public class ProductsTest {

    static Stream<Products> all() {
        return Variant.all().map(Variant::products);
    }

    @Test
    void theTestsRunWithTheVectorApi() {
        assertEquals(VectorProducts.class, Simd.PRODUCTS.getClass());
    }

    @Test
    void onlyEightFloatsAreFasterThanBlas() {
        for (Products.Kind kind : Products.Kind.values()) {
            List<Boolean> faster =
                    all().map(products -> products.fasterAt(kind)).toList();
            assertEquals(List.of(false, true, false), faster, "plain, 8 and 16 floats: " + kind);
        }
    }

    @ParameterizedTest
    @MethodSource("all")
    void smallByHand(Products products) {
        // x is stored by columns from index 1 on: rows (1, 2) and (3, 4); y has rows (5, 6) and (7, 8), 3 apart.
        float[] x = {9, 1, 3, 2, 4};
        float[] y = {5, 6, 9, 7, 8};
        float[] out = {-1, -1, -1, -1, -1, -1};

        products.multiply(2, 2, 2, x, 1, 1, 2, y, 0, 3, out, 1, 3);

        // 1·5 + 2·7 = 19, 1·6 + 2·8 = 22; 3·5 + 4·7 = 43, 3·6 + 4·8 = 50; what lies around them stays.
        assertArrayEquals(new float[] {-1, 19, 22, -1, 43, 50}, out);
    }

    @ParameterizedTest
    @CsvSource({"1,1,1", "3,7,2", "4,8,5", "4,16,16", "5,17,3", "8,32,64", "13,41,9", "16,64,32", "2,33,0"})
    void smallAsInDoubles(int rows, int n, int terms) {
        Random random = new Random(5);
        // x by rows and by columns, with gaps
        for (boolean byRows : new boolean[] {true, false}) {
            int xRow = byRows ? terms + 3 : 1;
            int xTerm = byRows ? 1 : rows + 2;
            float[] x = normal(random, 4 + rows * (terms + 3) + terms * (rows + 2));
            float[] y = normal(random, 2 + (terms + 1) * (n + 1));
            for (Products products : all().toList()) {
                float[] out = new float[3 + rows * (n + 5)];
                products.multiply(rows, n, terms, x, 4, xRow, xTerm, y, 2, n + 1, out, 3, n + 5);
                for (int r = 0; r < rows; r++) {
                    for (int j = 0; j < n + 5 && 3 + r * (n + 5) + j < out.length; j++) {
                        double sum = 0;
                        for (int k = 0; k < terms && j < n; k++) {
                            sum += (double) x[4 + r * xRow + k * xTerm] * y[2 + k * (n + 1) + j];
                        }
                        assertEquals(sum, out[3 + r * (n + 5) + j], 1e-6 * (1 + terms), "entry " + r + ", " + j);
                    }
                }
            }
        }
    }

    /** n floats of the normal distribution. */
    public static float[] normal(Random random, int n) {
        float[] x = new float[n];
        for (int i = 0; i < n; i++) {
            x[i] = (float) random.nextGaussian();
        }
        return x;
    }

    /** After an entry that is not its own, w [2,16] with the rows (0, 1, ... 15) and (0, 10, ... 150). */
    private static float[] panel() {
        float[] w = new float[33];
        for (int j = 0; j < 16; j++) {
            w[1 + j] = j;
            w[17 + j] = 10 * j;
        }
        return w;
    }

    @ParameterizedTest
    @MethodSource("all")
    void panelRowsByHand(Products products) {
        float[] start = new float[16];
        Arrays.fill(start, 100);
        float[] x = {1, 0, 0, 1, 2, 3, 0, 0};
        float[] out = new float[2 + 4 * 16];

        products.panelRows(4, 2, 1, x, panel(), 1, start, 0, out, 2, 16);

        // Column j: 100 + 1·j, 100 + 1·10j, 100 + 2·j + 3·10j = 100 + 32j, and 100.
        for (int j = 0; j < 16; j++) {
            float[] column = {out[2 + j], out[18 + j], out[34 + j], out[50 + j]};
            assertArrayEquals(new float[] {100 + j, 100 + 10 * j, 100 + 32 * j, 100}, column);
        }
        assertEquals(0, out[0] + out[1]);
    }

    @ParameterizedTest
    @MethodSource("all")
    void panelRowByHand(Products products) {
        float[] out = new float[17];
        out[0] = 7;

        products.panelRow(2, 1, new float[] {9, 2, 3}, 1, panel(), 1, 32, out, 1);

        // Column j: 2·j + 3·10j = 32j; what lies before them stays.
        for (int j = 0; j < 16; j++) {
            assertEquals(32 * j, out[1 + j]);
        }
        assertEquals(7, out[0]);
    }

    @ParameterizedTest
    @CsvSource({"1,1", "2,3", "3,4", "16,5", "33,9", "64,12", "0,5"})
    void panelsAsInDoubles(int terms, int count) {
        Random random = new Random(6);
        int stride = 16 * terms + 32; // a gap after each panel of row, none in rows
        float[] x = normal(random, 8 * terms + 3);
        float[] w = normal(random, 5 + count * stride);
        float[] start = normal(random, 16 * count);
        for (Products products : all().toList()) {
            float[] row = new float[3 + 16 * count];
            products.panelRow(terms, count, x, 3, w, 5, stride, row, 3);
            float[] rows = new float[4 + 8 * 16 * count];
            products.panelRows(8, terms, count, x, w, 5, start, 0, rows, 4, 16 * count);
            for (int j = 0; j < 16 * count; j++) {
                int column = 5 + j % 16;
                double expected = sum(terms, x, 3, w, column + j / 16 * stride);
                assertEquals(expected, row[3 + j], 1e-6 * (1 + terms), "entry " + j);
                for (int r = 0; r < 8; r++) {
                    expected = start[j] + sum(terms, x, r * terms, w, column + j / 16 * 16 * terms);
                    assertEquals(expected, rows[4 + r * 16 * count + j], 1e-6 * (1 + terms), "entry " + r + ", " + j);
                }
            }
        }
    }

    private static double sum(int terms, float[] x, int xAt, float[] w, int wAt) {
        double sum = 0;
        for (int k = 0; k < terms; k++) {
            sum += (double) x[xAt + k] * w[wAt + 16 * k];
        }
        return sum;
    }

    /** In native memory, after {@code at} floats that are not its own. */
    private static ByteBuffer memory(float[] w, int at) {
        ByteBuffer bytes =
                ByteBuffer.allocateDirect((at + w.length) * Float.BYTES).order(ByteOrder.nativeOrder());
        bytes.asFloatBuffer().put(at, w);
        return bytes;
    }

    @ParameterizedTest
    @MethodSource("all")
    void streamedRowsByHand(Products products) {
        // Row k of w [4,16] is 10^k in column 0 and 1 in the others.
        float[] w = new float[4 * 16];
        Arrays.fill(w, 1);
        w[16] = 10;
        w[32] = 100;
        w[48] = 1000;
        float[] out = new float[16];
        Arrays.fill(out, 0.5f);

        products.addRowTimes(4, 16, new float[] {1, 2, 3, 4}, products.memory(memory(w, 3)), 3, out);

        // 0.5 and 1 + 2·10 + 3·100 + 4·1000 in column 0, 1 + 2 + 3 + 4 in the others.
        float[] expected = new float[16];
        Arrays.fill(expected, 10.5f);
        expected[0] = 4321.5f;
        assertArrayEquals(expected, out);
    }

    @ParameterizedTest
    @MethodSource("all")
    void streamedDotsByHand(Products products) {
        // Row j of w [5,16] is j everywhere; x adds up to 3.
        float[] w = new float[5 * 16];
        for (int j = 0; j < 5; j++) {
            Arrays.fill(w, j * 16, (j + 1) * 16, j);
        }
        float[] x = new float[16];
        x[0] = 1;
        x[15] = 2;
        float[] out = {9, 9, 9, 9, 9, 7};

        products.timesRow(16, 5, x, products.memory(memory(w, 3)), 3, out);

        assertArrayEquals(new float[] {0, 3, 6, 9, 12, 7}, out);
    }

    @ParameterizedTest
    @CsvSource({"4,16", "8,48", "64,112", "36,16"})
    void streamedAsInDoubles(int n, int wide) {
        Random random = new Random(9);
        float[] w = normal(random, n * wide);
        for (Products products : all().toList()) {
            Object memory = products.memory(memory(w, 1));
            float[] start = normal(random, wide);
            float[] x = normal(random, n);
            float[] sums = start.clone();
            products.addRowTimes(n, wide, x, memory, 1, sums);
            for (int j = 0; j < wide; j++) {
                double sum = start[j];
                for (int k = 0; k < n; k++) {
                    sum += (double) x[k] * w[k * wide + j];
                }
                assertEquals(sum, sums[j], 1e-6 * (1 + n), "entry " + j);
            }
            float[] row = normal(random, wide);
            float[] dots = new float[Math.max(n - 1, Products.ROWS)]; // fours leave some over
            products.timesRow(wide, dots.length, row, memory, 1, dots);
            for (int j = 0; j < dots.length; j++) {
                double sum = 0;
                for (int k = 0; k < wide; k++) {
                    sum += (double) row[k] * w[j * wide + k];
                }
                assertEquals(sum, dots[j], 1e-6 * (1 + wide), "dot " + j);
            }
        }
    }
}
