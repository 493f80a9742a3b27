package org.minigpt.internal.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Products with panels, in plain Java and with the Vector API. */
class PanelMathTest {

    static Stream<PanelMath> both() {
        return Stream.of(new PlainPanelMath(), Tiles.PANELS);
    }

    @Test
    void panelsHaveVectorsWhereTheseHaveEightFloats() {
        String expected = VectorMath.LANES == 8 ? "VectorPanelMath" : "PlainPanelMath";
        assertEquals(expected, Tiles.PANELS.getClass().getSimpleName());
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
    @MethodSource("both")
    void rowsByHand(PanelMath panels) {
        float[] start = new float[16];
        Arrays.fill(start, 100);
        float[] x = {1, 0, 0, 1, 2, 3, 0, 0};
        float[] out = new float[2 + 4 * 16];

        panels.rows(4, 2, 1, x, panel(), 1, start, 0, out, 2, 16);

        // Column j: 100 + 1·j, 100 + 1·10j, 100 + 2·j + 3·10j = 100 + 32j, and 100.
        for (int j = 0; j < 16; j++) {
            float[] column = {out[2 + j], out[18 + j], out[34 + j], out[50 + j]};
            assertArrayEquals(new float[] {100 + j, 100 + 10 * j, 100 + 32 * j, 100}, column);
        }
        assertEquals(0, out[0] + out[1]);
    }

    @ParameterizedTest
    @MethodSource("both")
    void rowByHand(PanelMath panels) {
        float[] out = new float[17];
        out[0] = 7;

        panels.row(2, 1, new float[] {9, 2, 3}, 1, panel(), 1, 32, out, 1);

        // Column j: 2·j + 3·10j = 32j; what lies before them stays.
        for (int j = 0; j < 16; j++) {
            assertEquals(32 * j, out[1 + j]);
        }
        assertEquals(7, out[0]);
    }

    @ParameterizedTest
    @CsvSource({"1,1", "2,3", "3,4", "16,5", "33,9", "64,12", "0,5"})
    void asInDoubles(int terms, int count) {
        Random random = new Random(6);
        int stride = 16 * terms + 32; // a gap after each panel of row, none in rows
        float[] x = ProductMathTest.normal(random, 8 * terms + 3);
        float[] w = ProductMathTest.normal(random, 5 + count * stride);
        float[] start = ProductMathTest.normal(random, 16 * count);
        for (PanelMath panels : both().toList()) {
            float[] row = new float[3 + 16 * count];
            panels.row(terms, count, x, 3, w, 5, stride, row, 3);
            float[] rows = new float[4 + 8 * 16 * count];
            panels.rows(8, terms, count, x, w, 5, start, 0, rows, 4, 16 * count);
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
}
