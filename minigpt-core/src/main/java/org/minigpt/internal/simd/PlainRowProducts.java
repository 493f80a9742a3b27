package org.minigpt.internal.simd;

import java.util.Arrays;

/**
 * {@link RowProducts} in plain Java. Rows of W are copied to the heap first, where the JIT vectorises loops; a bulk copy
 * is fast in the interpreter too. It does what vectors leave over, too.
 */
class PlainRowProducts implements RowProducts {

    @Override
    public void streamed(
            int terms,
            boolean spread,
            int n,
            float[] x,
            int xAt,
            NativeBytes w,
            int wAt,
            int wRow,
            float[] y,
            int yAt) {
        float[] row = new float[n];
        for (int i = 0; i < terms; i++) {
            int k = RowProducts.term(i, terms, spread);
            w.floats().get(wAt + k * wRow, row);
            addScaled(x[xAt + k], row, 0, y, yAt, n);
        }
    }

    /** y[at..at+n) = fma(factor, w[wAt..wAt+n), y). */
    private static void addScaled(float factor, float[] w, int wAt, float[] y, int at, int n) {
        for (int j = 0; j < n; j++) {
            y[at + j] = Math.fma(factor, w[wAt + j], y[at + j]);
        }
    }

    @Override
    public void pack(
            int terms, boolean spread, int n, NativeBytes w, int wAt, int wRow, float[] panels, int at, int panel) {
        float[] row = new float[n];
        for (int i = 0; i < terms; i++) {
            w.floats().get(wAt + RowProducts.term(i, terms, spread) * wRow, row);
            for (int j = 0; j < n; j += WIDTH) {
                System.arraycopy(row, j, panels, at + j / WIDTH * panel + i * WIDTH, Math.min(WIDTH, n - j));
            }
        }
    }

    @Override
    public void panels(
            int rows,
            int terms,
            int count,
            float[] x,
            int xAt,
            int xRow,
            float[] w,
            int wAt,
            int wPanel,
            float[] y,
            int yAt,
            int yRow) {
        float[] sums = new float[WIDTH];
        for (int panel = 0; panel < count; panel++) {
            for (int r = 0; r < rows; r++) {
                Arrays.fill(sums, 0f);
                for (int k = 0; k < terms; k++) {
                    addScaled(x[xAt + r * xRow + k], w, wAt + panel * wPanel + k * WIDTH, sums, 0, WIDTH);
                }
                int to = yAt + r * yRow + panel * WIDTH;
                for (int j = 0; j < WIDTH; j++) {
                    y[to + j] += sums[j];
                }
            }
        }
    }
}
