package org.minigpt.internal.simd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.minigpt.internal.kernels.Reference;

/** How exact the float functions are, in all variants. */
class TileMathTest {

    static Stream<PlainTileMath> maths() {
        return Variant.all().map(Variant::math);
    }

    /** e^x of many x at once, so that whole vectors are filled. */
    private static float[] exp(PlainTileMath math, float... x) {
        float[] many = new float[x.length * 16];
        for (int i = 0; i < many.length; i++) {
            many[i] = x[i / 16];
        }
        math.expMinus(many, 0, many.length, 0f);
        float[] y = new float[x.length];
        for (int i = 0; i < y.length; i++) {
            y[i] = many[16 * i];
        }
        return y;
    }

    @ParameterizedTest
    @MethodSource("maths")
    void expIsWithinTwoUnitsInTheLastPlace(PlainTileMath math) {
        int n = 200_000;
        float[] x = new float[n];
        for (int i = 0; i < n; i++) {
            x[i] = PlainTileMath.EXP_MIN + (PlainTileMath.EXP_MAX - PlainTileMath.EXP_MIN) * i / (n - 1);
        }
        float[] y = x.clone();
        math.expMinus(y, 0, n, 0f);
        for (int i = 0; i < n; i++) {
            double exact = Math.exp(x[i]);
            double ulps = Math.abs(y[i] - exact) / Math.ulp((float) exact);
            assertTrue(ulps <= 2, "e^" + x[i] + " is " + y[i] + ", off by " + ulps + " units in the last place");
        }
    }

    @ParameterizedTest
    @MethodSource("maths")
    void expOfWhatIsNoOrdinaryNumber(PlainTileMath math) {
        float[] y = exp(math, 0f, -0f, Float.NEGATIVE_INFINITY, -1e30f, -88f, Float.NaN, Float.MIN_VALUE);
        assertEquals(1f, y[0]);
        assertEquals(1f, y[1]);
        assertEquals(0f, y[2]);
        assertEquals(0f, y[3]);
        // e^-88 = 6e-39 is below the smallest normal float, 1.2e-38.
        assertEquals(0f, y[4]);
        assertTrue(Float.isNaN(y[5]));
        assertEquals(1f, y[6]);
        // What is too large stays finite: e^88.72 = 3.4e38 is the largest that fits, but for a thousandth.
        for (float large : exp(math, 88.73f, 1000f, Float.POSITIVE_INFINITY)) {
            assertTrue(large > 3.39e38f && large <= Float.MAX_VALUE, () -> "not the largest: " + large);
        }
    }

    @ParameterizedTest
    @MethodSource("maths")
    void geluIsWithinAMillionth(PlainTileMath math) {
        for (Gelu form : Gelu.values()) {
            int n = 24_001;
            float[] x = new float[n];
            float[] slope = new float[n];
            for (int i = 0; i < n; i++) {
                x[i] = -12 + i / 1000f;
                slope[i] = 1f;
            }
            float[] y = x.clone();
            math.gelu(form, y, n);
            math.geluGradient(form, x, slope, n);
            for (int i = 0; i < n; i++) {
                // Formula 7.1.26 is off by 1.5e-7 at most, which x multiplies, and floats near 12 are 1e-6 apart.
                double tolerance = 5e-7 * Math.max(1, Math.abs(x[i]));
                assertEquals(Reference.gelu(form, x[i]), y[i], tolerance, form + " of " + x[i]);
                assertEquals(Reference.geluDerivative(form, x[i]), slope[i], tolerance, form + "' at " + x[i]);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("maths")
    void geluFarFromZeroIsTheLine(PlainTileMath math) {
        for (Gelu form : Gelu.values()) {
            float[] y = {-1e10f, -100f, 100f, 1e10f};
            math.gelu(form, y, 4);
            assertEquals(0f, y[0] + 0f); // it may be -0
            assertEquals(0f, y[1] + 0f);
            assertEquals(100f, y[2]);
            assertEquals(1e10f, y[3]);
        }
    }

    @ParameterizedTest
    @MethodSource("maths")
    void softmaxAddsUpToOne(PlainTileMath math) {
        Random random = new Random(3);
        for (int n : new int[] {1, 2, 15, 65, 1000, 50257}) {
            for (float spread : new float[] {0f, 1f, 30f, 1e4f, 1e30f}) {
                float[] x = new float[n];
                double[] exact = new double[n];
                for (int i = 0; i < n; i++) {
                    x[i] = spread * (float) random.nextGaussian();
                    exact[i] = x[i];
                }
                math.softmax(x, 0, n);
                Reference.softmax(exact, 0, n);
                double sum = 0;
                for (int i = 0; i < n; i++) {
                    sum += x[i];
                    // The largest exponent is in the ten thousands, and a float of that size exact to 1e-3.
                    assertEquals(exact[i], x[i], 1e-6 + 1e-3 * Math.min(exact[i], 1 - exact[i]));
                }
                assertEquals(1, sum, 1e-5, n + " entries spread by " + spread);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("maths")
    void logSumExpOfExtremes(PlainTileMath math) {
        // ln(e^1e4 + e^1e4) = 1e4 + ln 2, ln(e^-1e4 + e^-1e4) = -1e4 + ln 2, ln(1 + e^-1e4) = 0
        assertEquals(10000.693f, math.logSumExp(new float[] {1e4f, 1e4f}, 0, 2), 1e-3f);
        assertEquals(-9999.307f, math.logSumExp(new float[] {-1e4f, -1e4f}, 0, 2), 1e-3f);
        assertEquals(0f, math.logSumExp(new float[] {0f, -1e4f}, 0, 2));
    }
}
