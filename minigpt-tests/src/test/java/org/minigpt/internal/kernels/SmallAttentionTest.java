package org.minigpt.internal.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.internal.random.DropoutMask;

/** Attention on the heap and attention by BLAS, whichever this machine prefers, against doubles. */
class SmallAttentionTest {
    private static final DropoutMask NONE = new DropoutMask(0, 7, 0.25, 0);
    private static final DropoutMask SOME = new DropoutMask(11, 7, 0.25, 5);

    @ParameterizedTest
    @CsvSource({"1,1,1", "2,4,1", "7,1,3", "16,4,8", "17,2,5", "31,3,16", "32,4,16", "33,1,24", "64,2,32", "60,1,9"})
    void asInDoubles(int t, int heads, int d) {
        for (boolean alibi : new boolean[] {false, true}) {
            AttentionShape shape = new AttentionShape(t, heads, heads, d, alibi);
            for (DropoutMask mask : new DropoutMask[] {NONE, SOME}) {
                check(shape, mask, true);
                check(shape, mask, false);
            }
        }
    }

    private static void check(AttentionShape shape, DropoutMask mask, boolean small) {
        int b = 2;
        double[] qkv = normal(1, b * shape.t() * shape.width());
        double[] dy = normal(2, b * shape.t() * shape.c());
        double[] y = new double[dy.length];
        double[] dqkv = new double[qkv.length];
        Reference.attention(qkv, shape, null, mask, y);
        Reference.attentionGradient(qkv, shape, null, mask, dy, dqkv);
        Floats outputs = Floats.allocate(y.length);
        Floats gradients = Floats.allocate(dqkv.length);
        // Twice, since what the first run leaves in the scratch memory must not matter.
        Runnable kernel = new AttentionKernel(b, shape, null, floats(qkv), () -> mask, outputs, small);
        Runnable gradient =
                new AttentionKernel.Gradient(b, shape, null, floats(qkv), () -> mask, floats(dy), gradients, small);
        for (int run = 0; run < 2; run++) {
            kernel.run();
            gradient.run();
        }
        assertClose(y, outputs);
        assertClose(dqkv, gradients);
    }

    private static void assertClose(double[] expected, Floats actual) {
        double largest = 0;
        for (double value : expected) {
            largest = Math.max(largest, Math.abs(value));
        }
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], actual.get(i), 3e-6 * largest, "entry " + i);
        }
    }

    /** Rounded to floats. */
    private static double[] normal(long seed, int n) {
        Random random = new Random(seed);
        double[] x = new double[n];
        for (int i = 0; i < n; i++) {
            x[i] = (float) random.nextGaussian();
        }
        return x;
    }

    private static Floats floats(double[] values) {
        Floats result = Floats.allocate(values.length);
        for (int i = 0; i < values.length; i++) {
            result.put(i, (float) values[i]);
        }
        return result;
    }
}
