package org.minigpt.internal.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.minigpt.internal.kernels.InferenceKernelsTest.assertProduct;
import static org.minigpt.internal.kernels.InferenceKernelsTest.floats;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.minigpt.internal.parallel.Team;
import org.minigpt.internal.parallel.Work;
import org.minigpt.internal.simd.ProductsTest;
import org.minigpt.runtime.MiniGptRuntime;

/** Products of a batch of which each of several threads has some rows, and computes some columns of all rows. */
class LockstepRowsKernelTest {
    static {
        MiniGptRuntime.install();
    }

    /** A product whose rows are shared out among a team's members, each with a kernel and a y of its own. */
    private static final class Batch implements Work {
        private final DecodeMemory memory;
        private final int rows;
        private final int out;
        private final int members;
        private final Runnable[] kernels;
        private final Floats[] y;

        /** @param w [in,out], or [out,in] */
        Batch(DecodeMemory memory, int rows, int in, int out, boolean outIn, float[] x, float[] w, float[] b) {
            this.memory = memory;
            this.rows = rows;
            this.out = out;
            this.members = memory.members(rows);
            this.kernels = new Runnable[members];
            this.y = new Floats[members];
            WeightPanels panels = new WeightPanels(in, out, outIn, floats(w));
            for (int i = 0; i < members; i++) {
                int from = Work.cut(rows, i, members, 1);
                int to = Work.cut(rows, i + 1, members, 1);
                y[i] = Floats.allocate((to - from) * out);
                LinearOperands o = new LinearOperands(
                        to - from,
                        in,
                        out,
                        outIn,
                        floats(Arrays.copyOfRange(x, from * in, to * in)),
                        floats(w),
                        b == null ? null : floats(b),
                        y[i]);
                Work alone = new PanelRowsKernel(o, panels, 1);
                kernels[i] = new LockstepRowsKernel(o, panels, alone, new DecodeMemory.Member(memory, i));
            }
        }

        @Override
        public int parts() {
            return members;
        }

        /** Twice: the second product must not overwrite rows of the first that are still wanted. */
        @Override
        public void run(int part) {
            kernels[part].run();
            kernels[part].run();
        }

        /** @return y of all rows */
        float[] result() {
            memory.runShares(rows, this);
            float[] all = new float[rows * out];
            int at = 0;
            for (int i = 0; i < members; i++) {
                int n = (Work.cut(rows, i + 1, members, 1) - Work.cut(rows, i, members, 1)) * out;
                y[i].read(0, all, at, n);
                at += n;
            }
            return all;
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 5})
    void byHand(int threads) {
        // Row r of x is (r, 1, 0), and W has the rows (1, 2), (3, 4) and (5, 6): y[r] = (r + 3, 2·r + 4), and (10, 20).
        int rows = 20;
        float[] x = new float[rows * 3];
        float[] expected = new float[rows * 2];
        for (int r = 0; r < rows; r++) {
            x[3 * r] = r;
            x[3 * r + 1] = 1;
            expected[2 * r] = r + 13;
            expected[2 * r + 1] = 2 * r + 24;
        }
        DecodeMemory memory = DecodeMemory.onHeap(new Team(threads));
        Batch batch = new Batch(memory, rows, 3, 2, false, x, new float[] {1, 2, 3, 4, 5, 6}, new float[] {10, 20});

        assertEquals(Math.max(2, threads), batch.parts());
        assertArrayEquals(expected, batch.result());
    }

    @ParameterizedTest
    @CsvSource({"8,1,1", "9,5,16", "13,16,17", "16,128,65", "11,64,48", "32,512,128"})
    void asInDoubles(int rows, int in, int out) {
        Random random = new Random(10);
        float[] w = ProductsTest.normal(random, in * out);
        float[] b = ProductsTest.normal(random, out);
        for (boolean outIn : new boolean[] {false, true}) {
            for (float[] bias : new float[][] {null, b}) {
                float[] x = ProductsTest.normal(random, rows * in);
                float[] ofTwo = null;
                for (int threads : new int[] {2, 1, 3, 5}) {
                    DecodeMemory memory = DecodeMemory.onHeap(new Team(threads));
                    float[] y = new Batch(memory, rows, in, out, outIn, x, w, bias).result();
                    assertProduct(rows, in, out, outIn, x, w, bias, y);
                    ofTwo = ofTwo == null ? y : ofTwo;
                    assertArrayEquals(ofTwo, y, "as by two threads, bit for bit");
                }
            }
        }
    }

    @Test
    void batchesMayGrow() {
        DecodeMemory memory = DecodeMemory.onHeap(new Team(3));
        for (int rows : new int[] {12, 80, 13}) {
            float[] x = new float[rows];
            Arrays.fill(x, rows);
            float[] y = new Batch(memory, rows, 1, 1, false, x, new float[] {2}, null).result();
            assertEquals(2 * rows, y[0]);
            assertEquals(2 * rows, y[rows - 1]);
        }
    }
}
