package org.minigpt.internal.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The Vector API's arithmetic of Llama's layers against plain Java's, at lengths that fill vectors and that do not. */
class LlamaMathTest {

    private static float[] random(int n, long seed) {
        Random random = new Random(seed);
        float[] x = new float[n];
        for (int i = 0; i < n; i++) {
            x[i] = 3f * (float) random.nextGaussian();
        }
        return x;
    }

    /** Runs an operation on copies of three arrays by both and compares all of them. */
    private static void compare(int n, BiConsumer<LlamaMath, float[][]> operation) {
        float[][] plain = {random(n, 1), random(n, 2), random(n, 3)};
        float[][] vector = {random(n, 1), random(n, 2), random(n, 3)};
        operation.accept(new PlainLlamaMath(), plain);
        operation.accept(Tiles.LLAMA, vector);
        for (int k = 0; k < 3; k++) {
            float largest = 0;
            for (float e : plain[k]) {
                largest = Math.max(largest, Math.abs(e));
            }
            for (int i = 0; i < n; i++) {
                assertEquals(plain[k][i], vector[k][i], 2e-6f * largest, "entry " + i);
            }
        }
    }

    @Test
    void theTestsRunWithTheVectorApi() {
        assertEquals("VectorLlamaMath", Tiles.LLAMA.getClass().getSimpleName());
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 16, 31, 64, 65})
    void rmsNormAndItsGradient(int c) {
        int rows = 3;
        compare(rows * c, (math, x) -> math.rmsNorm(x[0], rows, c, 1e-5f, x[1]));
        compare(rows * c, (math, x) -> math.rmsNormGradient(x[0], x[1], rows, c, 1e-2f, random(c, 9), x[2]));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 16, 31, 64, 65})
    void swiGluAndItsGradient(int n) {
        compare(2 * n + 5, (math, x) -> math.swiGlu(x[0], 3, n, x[1], 2));
        compare(2 * n + 5, (math, x) -> math.swiGluGradient(x[0], 3, n, x[1], 2));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 16, 31, 64, 65})
    void rotations(int n) {
        compare(2 * n + 5, (math, x) -> math.rotate(x[0], 3, n, x[1], x[2], 4));
    }
}
