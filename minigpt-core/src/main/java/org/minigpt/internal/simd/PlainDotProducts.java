package org.minigpt.internal.simd;

import java.util.Arrays;

/** {@link DotProducts} in plain Java, on rows of W that are copied to the heap. It does what vectors leave over, too. */
class PlainDotProducts implements DotProducts {

    @Override
    public void dots(
            int rows,
            int in,
            int n,
            float[] x,
            int xAt,
            int xRow,
            NativeBytes w,
            int wAt,
            float[] y,
            int yAt,
            int yRow) {
        float[] row = new float[in];
        float[] sums = new float[WIDTH];
        for (int j = 0; j < n; j++) {
            w.floats().get(wAt + j * in, row);
            for (int r = 0; r < rows; r++) {
                Arrays.fill(sums, 0f);
                y[yAt + r * yRow + j] = dot(x, xAt + r * xRow, row, 0, 0, in, sums);
            }
        }
    }

    /** Adds the terms from {@code from} to {@code to} to the 16 sums, which are spoilt. @return their sum, by halves */
    static float dot(float[] x, int xAt, float[] w, int wAt, int from, int to, float[] sums) {
        int k = from;
        for (; k <= to - WIDTH; k += WIDTH) {
            for (int l = 0; l < WIDTH; l++) {
                sums[l] = Math.fma(x[xAt + k + l], w[wAt + k + l], sums[l]);
            }
        }
        for (int l = 0; k + l < to; l++) {
            sums[l] = Math.fma(x[xAt + k + l], w[wAt + k + l], sums[l]);
        }
        return sum(sums, 0);
    }

    /** @return the sum of 16 sums, which are spoilt, by halves */
    static float sum(float[] sums, int at) {
        for (int l = at; l < at + WIDTH / 2; l++) {
            sums[l] += sums[l + WIDTH / 2];
        }
        float a = sums[at] + sums[at + 4];
        float b = sums[at + 1] + sums[at + 5];
        float c = sums[at + 2] + sums[at + 6];
        float d = sums[at + 3] + sums[at + 7];
        return (a + c) + (b + d);
    }
}
