package org.minigpt.internal.simd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

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
        List<Boolean> faster = all().map(Products::fasterThanBlas).toList();
        assertEquals(List.of(false, true, false), faster, "plain, 8 and 16 floats");
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
}
