package org.minigpt.internal.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.minigpt.internal.kernels.InferenceKernelsTest.assertProduct;
import static org.minigpt.internal.kernels.InferenceKernelsTest.floats;
import static org.minigpt.internal.kernels.InferenceKernelsTest.read;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.internal.simd.ProductsTest;
import org.minigpt.runtime.MiniGptRuntime;

/** Products of a batch of which two threads have half of the rows each, and compute half of the columns. */
class SharedLinearKernelTest {
    static {
        MiniGptRuntime.install();
    }

    private final SharedBatch batch = new SharedBatch();

    @BeforeEach
    void needsTwoProcessors() {
        assumeTrue(Runtime.getRuntime().availableProcessors() > 1);
    }

    private SharedLinearKernel kernel(
            int rows, int in, int out, boolean outIn, float[] x, Floats w, Floats b, Floats y, WeightPanels panels) {
        return new SharedLinearKernel(rows, in, out, outIn, floats(x), w, b, y, panels, batch);
    }

    @Test
    void byHand() {
        Floats w = floats(1, 2, 3, 4, 5, 6); // rows (1, 2), (3, 4) and (5, 6)
        Floats b = floats(10, 20);
        WeightPanels panels = new WeightPanels();
        Floats upper = floats(9, 9);
        Floats lower = floats(9, 9, 9, 9);
        SharedLinearKernel first = kernel(1, 3, 2, false, new float[] {1, 2, 3}, w, b, upper, panels);
        SharedLinearKernel second = kernel(2, 3, 2, false, new float[] {0, -1, 1, 1, 0, 0}, w, b, lower, panels);

        batch.run(1, 3, first::run, second::run);

        // (1, 2, 3): 22 and 28; (0, -1, 1): 2 and 2; (1, 0, 0): 1 and 2; and (10, 20).
        assertArrayEquals(new float[] {32, 48}, read(upper, 0, 2));
        assertArrayEquals(new float[] {12, 22, 11, 22}, read(lower, 0, 4));
    }

    @Test
    void oneThreadComputesNothing() {
        Floats y = floats(9, 9);
        SharedLinearKernel kernel = kernel(1, 1, 2, false, new float[] {1}, floats(1, 2), null, y, new WeightPanels());

        assertFalse(kernel.run());

        assertArrayEquals(new float[] {9, 9}, read(y, 0, 2));
    }

    @ParameterizedTest
    @CsvSource({"1,1,2,1", "4,5,3,16", "4,4,16,17", "8,8,128,65", "5,6,64,48", "16,16,512,128"})
    void asInDoubles(int firstRows, int secondRows, int in, int out) {
        Random random = new Random(10);
        int rows = firstRows + secondRows;
        float[] w = ProductsTest.normal(random, in * out);
        float[] b = ProductsTest.normal(random, out);
        for (boolean outIn : new boolean[] {false, true}) {
            for (boolean biased : new boolean[] {false, true}) {
                float[] x = ProductsTest.normal(random, rows * in);
                WeightPanels panels = new WeightPanels();
                Floats bias = biased ? floats(b) : null;
                Floats[] y = {Floats.allocate(firstRows * out), Floats.allocate(secondRows * out)};
                float[] firstX = Arrays.copyOf(x, firstRows * in);
                float[] secondX = Arrays.copyOfRange(x, firstRows * in, rows * in);
                SharedLinearKernel first = kernel(firstRows, in, out, outIn, firstX, floats(w), bias, y[0], panels);
                SharedLinearKernel second = kernel(secondRows, in, out, outIn, secondX, floats(w), bias, y[1], panels);
                int[] times = {0, 0};

                // Twice in one run: the second product must not overwrite rows of the first that are still wanted.
                batch.run(
                        firstRows,
                        rows,
                        () -> times[0] = (first.run() ? 1 : 0) + (first.run() ? 1 : 0),
                        () -> times[1] = (second.run() ? 1 : 0) + (second.run() ? 1 : 0));

                assertArrayEquals(new int[] {2, 2}, times);
                float[] none = new float[out];
                float[] firstY = read(y[0], 0, firstRows * out);
                float[] secondY = read(y[1], 0, secondRows * out);
                assertProduct(firstRows, in, out, outIn, firstX, w, biased ? b : none, firstY);
                assertProduct(secondRows, in, out, outIn, secondX, w, biased ? b : none, secondY);
            }
        }
    }

    @Test
    void batchesMayGrow() {
        Floats w = floats(2);
        WeightPanels panels = new WeightPanels();
        for (int rows : new int[] {2, 40, 3}) {
            float[] x = new float[rows];
            Arrays.fill(x, rows);
            Floats[] y = {Floats.allocate(rows), Floats.allocate(rows)};
            SharedLinearKernel first = kernel(rows, 1, 1, false, x, w, null, y[0], panels);
            SharedLinearKernel second = kernel(rows, 1, 1, false, x, w, null, y[1], panels);

            batch.run(rows, 2 * rows, first::run, second::run);

            assertEquals(2 * rows, read(y[0], rows - 1, 1)[0]);
            assertEquals(2 * rows, read(y[1], rows - 1, 1)[0]);
        }
    }
}
