package org.minigpt.internal.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.minigpt.internal.kernels.InferenceKernelsTest.assertProduct;
import static org.minigpt.internal.kernels.InferenceKernelsTest.floats;
import static org.minigpt.internal.kernels.InferenceKernelsTest.read;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.internal.parallel.Team;
import org.minigpt.internal.parallel.Work;
import org.minigpt.internal.simd.ProductsTest;
import org.minigpt.runtime.MiniGptRuntime;

/** Products of one row with a matrix that vectors read from native memory. */
class StreamedRowKernelTest {
    static {
        MiniGptRuntime.install();
    }

    @Test
    void rowsByHand() {
        // Row k of w [8,16] is 10^k in column 0 and 1 in the others, for k < 3, and 0 from there on.
        float[] w = new float[8 * 16];
        Arrays.fill(w, 0, 3 * 16, 1);
        w[16] = 10;
        w[32] = 100;
        float[] b = new float[16];
        b[0] = 0.5f;
        Floats y = Floats.allocate(16);

        Floats x = floats(1, 2, 3, 4, 5, 6, 7, 8);
        Work.alone(new StreamedRowKernel(new LinearOperands(1, 8, 16, false, x, floats(w), floats(b), y), 2));

        // 1 + 2·10 + 3·100 + 0.5 in column 0, 1 + 2 + 3 in the others.
        float[] expected = new float[16];
        Arrays.fill(expected, 6);
        expected[0] = 321.5f;
        assertArrayEquals(expected, read(y, 0, 16));
    }

    @Test
    void dotsByHand() {
        // Row j of w [9,16] is j everywhere; x adds up to 3.
        float[] w = new float[9 * 16];
        for (int j = 0; j < 9; j++) {
            Arrays.fill(w, j * 16, (j + 1) * 16, j);
        }
        float[] x = new float[16];
        x[0] = 1;
        x[15] = 2;
        Floats y = Floats.allocate(9);

        Floats b = floats(0, 0, 0, 0, 0, 0, 0, 0, 0.5f);
        Work.alone(new StreamedRowKernel(new LinearOperands(1, 16, 9, true, floats(x), floats(w), b, y), 2));

        assertArrayEquals(new float[] {0, 3, 6, 9, 12, 15, 18, 21, 24.5f}, read(y, 0, 9));
    }

    @ParameterizedTest
    @CsvSource({"8,16,false", "64,48,false", "256,112,false", "16,8,true", "48,9,true", "128,65,true", "80,15,true"})
    void asInDoubles(int in, int out, boolean outIn) {
        Random random = new Random(9);
        float[] x = ProductsTest.normal(random, in);
        float[] w = ProductsTest.normal(random, in * out);
        float[] b = ProductsTest.normal(random, out);
        for (float[] bias : new float[][] {null, b}) {
            for (int threads : new int[] {1, 2, 3, 5}) {
                Floats y = Floats.allocate(out);
                LinearOperands o = new LinearOperands(
                        1, in, out, outIn, floats(x), floats(w), bias == null ? null : floats(bias), y);
                Work kernel = new StreamedRowKernel(o, Math.min(threads, (outIn ? out : in) / 4));
                Team team = new Team(threads);
                team.run(kernel);
                team.run(kernel); // nothing of the first run is left in the sums
                assertProduct(1, in, out, outIn, x, w, bias, read(y, 0, out));
            }
        }
    }
}
