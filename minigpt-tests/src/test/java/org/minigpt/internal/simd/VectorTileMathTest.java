package org.minigpt.internal.simd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The Vector API's arithmetic, by vectors of 8 and of 16 floats, against plain Java's, at lengths that fill vectors and that do not. */
class VectorTileMathTest {
    private static final PlainTileMath PLAIN = Variant.PLAIN.math();

    private static float[] random(int n, long seed) {
        Random random = new Random(seed);
        float[] x = new float[n];
        for (int i = 0; i < n; i++) {
            x[i] = 3f * (float) random.nextGaussian();
        }
        return x;
    }

    private static void assertClose(float[] expected, float[] actual) {
        float largest = 0;
        for (float e : expected) {
            largest = Math.max(largest, Math.abs(e));
        }
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], actual[i], 2e-6f * largest, "entry " + i);
        }
    }

    /** Runs an operation on copies of three arrays by all variants and compares all of them. */
    private static void compare(int n, BiConsumer<TileMath, float[][]> operation) {
        float[][] plain = {random(n, 1), random(n, 2), random(n, 3)};
        operation.accept(PLAIN, plain);
        for (Variant variant : Variant.VECTORS) {
            float[][] vector = {random(n, 1), random(n, 2), random(n, 3)};
            operation.accept(variant.math(), vector);
            for (int i = 0; i < plain.length; i++) {
                assertClose(plain[i], vector[i]);
            }
        }
    }

    @Test
    void theTestsRunWithTheVectorApi() {
        assertEquals(VectorTileMath.class, Simd.MATH.getClass());
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 15, 16, 17, 64, 65, 100})
    void softmaxOfARow(int n) {
        compare(n + 2, (math, x) -> math.softmax(x[0], 1, n));
        compare(n + 2, (math, x) -> x[1][0] = math.logSumExp(x[0], 1, n));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 15, 16, 17, 33, 64})
    void softmaxOfColumnsAndItsGradient(int m) {
        for (int n : new int[] {1, 7, 40}) {
            for (int seen : new int[] {1, (n + 1) / 2, n}) {
                compare(n * m, (math, x) -> math.softmaxColumns(x[0], n, m, seen));
                compare(n * m, (math, x) -> {
                    PLAIN.softmaxColumns(x[0], n, m, seen);
                    math.softmaxColumnsGradient(x[0], x[1], n, m, seen, 0.25f);
                });
            }
        }
    }

    @Test
    void aColumnSeesOneEntryMoreThanTheOneBefore() {
        // Two columns, the first sees 1 of 3 entries and the second 2: softmax(5) = 1; softmax(0, ln 3) = (1/4, 3/4).
        float[] x = {5, 0, 7, (float) Math.log(3), 9, 8};
        PLAIN.softmaxColumns(x, 3, 2, 1);
        assertArrayEquals(new float[] {1, 0.25f, 0, 0.75f, 0, 0}, x, 1e-6f);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 16, 31, 64, 65})
    void layerNormAndItsGradient(int c) {
        int rows = 3;
        compare(rows * c, (math, x) -> math.layerNorm(x[0], rows, c, 1e-5f, x[1], x[2]));
        compare(rows * c, (math, x) -> math.layerNorm(x[0], rows, c, 1e-5f, x[1], null));
        float[] gain = random(c, 9);
        for (boolean biased : new boolean[] {true, false}) {
            compare(rows * c, (math, x) -> {
                float[] dGain = new float[c];
                float[] dBias = biased ? new float[c] : null;
                math.layerNormGradient(x[0], x[1], rows, c, 1e-2f, gain, dGain, dBias);
                System.arraycopy(dGain, 0, x[2], 0, c);
                if (biased && rows > 1) {
                    System.arraycopy(dBias, 0, x[2], c, c);
                }
            });
        }
    }

    /** What generation uses: the variants may take turns. */
    @ParameterizedTest
    @ValueSource(ints = {1, 3, 16, 24, 31, 64, 65, 170})
    void whatGenerationUsesHasTheSameBits(int n) {
        compareBits(2 * n, (math, x) -> math.layerNorm(x[0], 2, n, 1e-5f, x[1], x[2]));
        compareBits(2 * n, (math, x) -> math.layerNorm(x[0], 2, n, 1e-5f, x[1], null));
        compareBits(2 * n, (math, x) -> math.rmsNorm(x[0], 2, n, 1e-5f, x[1]));
        compareBits(n, (math, x) -> math.softmax(x[0], 0, n));
        compareBits(2 * n, (math, x) -> math.swiGlu(x[0], 0, n, x[1], 0));
        compareBits(2 * n, (math, x) -> math.rotate(x[0], 0, n, x[1], x[2], 0));
        for (Gelu form : Gelu.values()) {
            compareBits(n, (math, x) -> math.gelu(form, x[0], n));
        }
    }

    private static void compareBits(int n, BiConsumer<TileMath, float[][]> operation) {
        float[][] plain = {random(n, 1), random(n, 2), random(n, 3)};
        operation.accept(PLAIN, plain);
        for (Variant variant : Variant.VECTORS) {
            float[][] vector = {random(n, 1), random(n, 2), random(n, 3)};
            operation.accept(variant.math(), vector);
            for (int i = 0; i < plain.length; i++) {
                assertArrayEquals(plain[i], vector[i], variant.name());
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Gelu.class)
    void geluAndItsGradient(Gelu form) {
        for (int n : new int[] {1, 16, 33, 250}) {
            compare(n, (math, x) -> math.gelu(form, x[0], n));
            compare(n, (math, x) -> math.geluGradient(form, x[0], x[1], n));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 16, 37, 100})
    void adamWAndTheSumOfSquares(int n) {
        TileMath.AdamW step = new TileMath.AdamW(0.999f, 0.5f, 0.9f, 0.1f, 0.999f, 0.001f, 5.5e-10f, 2e-4f);
        float[][] plain = {random(n, 1), random(n, 2), random(n, 3), random(n, 4)};
        for (int i = 0; i < n; i++) {
            plain[3][i] = Math.abs(plain[3][i]); // the second moment
        }
        float[][] before = {plain[0].clone(), plain[1].clone(), plain[2].clone(), plain[3].clone()};
        PLAIN.adamW(step, plain[0], plain[1], plain[2], plain[3], n);
        double squares = PLAIN.sumOfSquares(plain[1], n);
        for (Variant variant : Variant.VECTORS) {
            float[][] vector = {before[0].clone(), before[1].clone(), before[2].clone(), before[3].clone()};
            variant.math().adamW(step, vector[0], vector[1], vector[2], vector[3], n);
            for (int i = 0; i < plain.length; i++) {
                assertClose(plain[i], vector[i]);
            }
            assertEquals(squares, variant.math().sumOfSquares(plain[1], n), 1e-14 * squares);
        }
    }

    @Test
    void reluGradientIsExact() {
        float[] x = {-1f, -0f, 0f, Float.MIN_VALUE, 1f, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY};
        float[] expected = {0f, 0f, 0f, 7f, 7f, 7f, 0f};
        for (PlainTileMath math : Variant.all().map(Variant::math).toList()) {
            // Once as the tail of a vector and once within vectors.
            for (int repeat : new int[] {1, 32}) {
                float[] many = new float[x.length * repeat];
                float[] dy = new float[many.length];
                for (int i = 0; i < many.length; i++) {
                    many[i] = x[i % x.length];
                    dy[i] = 7f;
                }
                math.reluGradient(many, dy, many.length);
                for (int i = 0; i < many.length; i++) {
                    assertEquals(expected[i % x.length], dy[i], "slope at " + many[i]);
                }
            }
        }
    }

    @Test
    void exponentialsReachTheEndsOfTheRange() {
        float[] x = new float[64];
        float[] shifts = {0f, -20f, 200f, Float.NaN};
        for (float shift : shifts) {
            for (int i = 0; i < x.length; i++) {
                x[i] = -i;
            }
            x[5] = Float.NEGATIVE_INFINITY;
            float[] before = x.clone();
            PLAIN.expMinus(x, 0, x.length, shift);
            for (Variant variant : Variant.VECTORS) {
                float[] y = before.clone();
                variant.math().expMinus(y, 0, y.length, shift);
                for (int i = 0; i < x.length; i++) {
                    float tolerance = Float.isNaN(x[i]) ? 0f : 3e-7f * Math.abs(x[i]);
                    assertEquals(x[i], y[i], Math.max(tolerance, 1e-45f), "e^(" + -i + " - " + shift + ")");
                }
            }
        }
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
