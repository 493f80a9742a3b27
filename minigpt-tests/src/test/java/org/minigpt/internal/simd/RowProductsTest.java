package org.minigpt.internal.simd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.minigpt.internal.simd.ProductsTest.normal;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Products with W [in,out] in all variants: by hand, and bit by bit as their definition has it. */
class RowProductsTest {

    static Stream<RowProducts> all() {
        return Variant.all().map(Variant::rows);
    }

    /** In native memory, after {@code at} floats that are not its own. */
    static NativeBytes memory(float[] w, int at) {
        ByteBuffer bytes =
                ByteBuffer.allocateDirect((at + w.length) * Float.BYTES).order(ByteOrder.nativeOrder());
        bytes.asFloatBuffer().put(at, w);
        return NativeBytes.of(bytes);
    }

    @Test
    void theQuartersOfSpreadTermsTakeTurns() {
        // Ten terms have quarters of two, 0 1 | 2 3 | 4 5 | 6 7, and two that are left over.
        int[] spread = {0, 2, 4, 6, 1, 3, 5, 7, 8, 9};
        for (int i = 0; i < 10; i++) {
            assertEquals(spread[i], RowProducts.term(i, 10, true));
            assertEquals(i, RowProducts.term(i, 10, false));
        }
    }

    @ParameterizedTest
    @MethodSource("all")
    void streamedByHand(RowProducts products) {
        // Row k of w [4,16] is 10^k in column 0 and 1 in the others.
        float[] w = new float[4 * 16];
        Arrays.fill(w, 1);
        w[16] = 10;
        w[32] = 100;
        w[48] = 1000;
        for (boolean spread : new boolean[] {false, true}) {
            float[] y = new float[18];
            Arrays.fill(y, 0.5f);

            products.streamed(4, spread, 16, new float[] {9, 1, 2, 3, 4}, 1, memory(w, 3), 3, 16, y, 1);

            // 0.5 and 1 + 2·10 + 3·100 + 4·1000 in column 0, 1 + 2 + 3 + 4 in the others; what lies around them stays.
            float[] expected = new float[18];
            Arrays.fill(expected, 10.5f);
            expected[0] = 0.5f;
            expected[1] = 4321.5f;
            expected[17] = 0.5f;
            assertArrayEquals(expected, y);
        }
    }

    @ParameterizedTest
    @MethodSource("all")
    void panelsByHand(RowProducts products) {
        // After a float, w [2,16] with the rows (0, 1, ... 15) and (0, 10, ... 150).
        float[] w = new float[33];
        for (int j = 0; j < 16; j++) {
            w[1 + j] = j;
            w[17 + j] = 10 * j;
        }
        float[] x = {9, 1, 0, 0, 1, 2, 3};
        float[] y = new float[1 + 3 * 17];
        Arrays.fill(y, 100);

        products.panels(3, 2, 1, x, 1, 2, w, 1, 32, y, 1, 17);

        // Column j: 100 + 1·j, 100 + 1·10j, 100 + 2·j + 3·10j = 100 + 32j; what lies between them stays.
        for (int j = 0; j < 16; j++) {
            float[] column = {y[1 + j], y[18 + j], y[35 + j]};
            assertArrayEquals(new float[] {100 + j, 100 + 10 * j, 100 + 32 * j}, column);
        }
        assertArrayEquals(new float[] {100, 100, 100, 100}, new float[] {y[0], y[17], y[34], y[51]});
    }

    @ParameterizedTest
    @MethodSource("all")
    void packByHand(RowProducts products) {
        // w [2,17] has the rows 0, 1, ... 16 and 100, 101, ... 116, after them two panels of [2,16] from 1 on.
        float[] w = new float[34];
        for (int j = 0; j < 17; j++) {
            w[j] = j;
            w[17 + j] = 100 + j;
        }
        float[] panels = new float[1 + 64];
        Arrays.fill(panels, -1);

        products.pack(2, false, 17, memory(w, 0), 0, 17, panels, 1, 32);

        for (int j = 0; j < 16; j++) {
            assertEquals(j, panels[1 + j]);
            assertEquals(100 + j, panels[17 + j]);
        }
        assertEquals(16, panels[33]);
        assertEquals(116, panels[49]);
        assertEquals(-1, panels[34], "beyond the last column");
    }

    /** Rows, terms and columns. */
    @ParameterizedTest
    @CsvSource({
        "1,1,1",
        "2,3,16",
        "3,8,17",
        "4,9,32",
        "5,16,40",
        "7,33,65",
        "8,64,48",
        "9,5,144",
        "17,70,200",
        "16,96,31"
    })
    void bitsAreThoseOfTheDefinition(int rows, int terms, int n) {
        Random random = new Random(6);
        float[] w = normal(random, terms * n);
        float[] x = normal(random, 2 + rows * (terms + 1));
        int count = (n + 15) / 16;
        for (boolean spread : new boolean[] {false, true}) {
            float[] ordered = new float[x.length];
            for (int r = 0; r < rows; r++) {
                for (int i = 0; i < terms; i++) {
                    ordered[2 + r * (terms + 1) + i] = x[2 + r * (terms + 1) + RowProducts.term(i, terms, spread)];
                }
            }
            float[] start = normal(random, rows * 16 * count);
            for (Variant variant : Variant.all().toList()) {
                NativeBytes memory = memory(w, 1);
                float[] panels = new float[3 + count * terms * 16];
                variant.rows().pack(terms, spread, n, memory, 1, n, panels, 3, terms * 16);
                float[] y = start.clone();
                variant.rows()
                        .panels(rows, terms, count, ordered, 2, terms + 1, panels, 3, terms * 16, y, 0, 16 * count);
                float[] row = start.clone();
                variant.rows().streamed(terms, spread, n, x, 2, memory, 1, n, row, 0);
                for (int r = 0; r < rows; r++) {
                    for (int j = 0; j < n; j++) {
                        float sum = 0;
                        float chain = start[j];
                        for (int i = 0; i < terms; i++) {
                            int k = RowProducts.term(i, terms, spread);
                            sum = Math.fma(x[2 + r * (terms + 1) + k], w[k * n + j], sum);
                            chain = Math.fma(x[2 + k], w[k * n + j], chain);
                        }
                        int at = r * 16 * count + j;
                        assertEquals(start[at] + sum, y[at], 0f, variant + ": entry " + r + ", " + j);
                        if (r == 0) {
                            assertEquals(chain, row[j], 0f, variant + ": streamed entry " + j);
                        }
                    }
                }
            }
        }
    }
}
