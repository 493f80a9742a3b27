package org.minigpt.internal.simd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.minigpt.internal.simd.ProductsTest.normal;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Products with W [out,in] in all variants: by hand, and bit by bit as their definition has it. */
class DotProductsTest {

    static Stream<DotProducts> all() {
        return Variant.all().map(Variant::dots);
    }

    @ParameterizedTest
    @MethodSource("all")
    void byHand(DotProducts products) {
        // Row j of w [5,16] is j everywhere; the rows of x add up to 3 and to -1.
        float[] w = new float[5 * 16];
        for (int j = 0; j < 5; j++) {
            Arrays.fill(w, j * 16, (j + 1) * 16, j);
        }
        float[] x = new float[33];
        x[1] = 1;
        x[16] = 2;
        x[20] = -1;
        float[] y = {9, 9, 9, 9, 9, 9, 7, 9, 9, 9, 9, 9, 7};

        products.dots(2, 16, 5, x, 1, 16, RowProductsTest.memory(w, 3), 3, y, 1, 6);

        assertArrayEquals(new float[] {9, 0, 3, 6, 9, 12, 7, 0, -1, -2, -3, -4, 7}, y);
    }

    /** Sums of sixteen large and small numbers show the order in which they are added. */
    @ParameterizedTest
    @MethodSource("all")
    void theUpperHalfIsAddedToTheLowerOne(DotProducts products) {
        // s0 = 2^24, s1 = s8 = s9 = 1. Upper to lower half: 2^24 + 1 = 2^24 (to even), 1 + 1 = 2; in the end 2^24 + 2.
        float[] x = new float[16];
        x[0] = 1 << 24;
        x[1] = 1;
        x[8] = 1;
        x[9] = 1;
        float[] w = new float[4 * 16];
        Arrays.fill(w, 1);
        float[] y = new float[4];

        products.dots(1, 16, 4, x, 0, 16, RowProductsTest.memory(w, 0), 0, y, 0, 4);

        // One after the other it would be 2^24, since each 1 alone is rounded away.
        assertEquals((1 << 24) + 2, y[0]);
    }

    /** Rows, terms and columns. */
    @ParameterizedTest
    @CsvSource({"1,1,1", "1,16,4", "2,17,5", "3,32,7", "4,48,3", "5,64,9", "6,128,65", "9,80,6", "17,33,21", "1,160,130"
    })
    void bitsAreThoseOfTheDefinition(int rows, int in, int n) {
        Random random = new Random(8);
        float[] w = normal(random, n * in);
        float[] x = normal(random, 3 + rows * (in + 2));
        for (Variant variant : Variant.all().toList()) {
            float[] y = new float[2 + rows * (n + 1)];
            variant.dots().dots(rows, in, n, x, 3, in + 2, RowProductsTest.memory(w, 1), 1, y, 2, n + 1);
            for (int r = 0; r < rows; r++) {
                for (int j = 0; j < n; j++) {
                    float[] s = new float[16];
                    for (int k = 0; k < in; k++) {
                        s[k % 16] = Math.fma(x[3 + r * (in + 2) + k], w[j * in + k], s[k % 16]);
                    }
                    for (int half = 8; half > 0; half /= 2) {
                        for (int l = 0; l < half; l++) {
                            s[l] += s[l + half];
                        }
                    }
                    assertEquals(s[0], y[2 + r * (n + 1) + j], 0f, variant + ": entry " + r + ", " + j);
                }
            }
        }
    }
}
