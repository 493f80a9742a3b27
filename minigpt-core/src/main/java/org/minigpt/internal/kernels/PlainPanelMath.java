package org.minigpt.internal.kernels;

import java.util.Arrays;

/** {@link PanelMath} in plain Java. */
final class PlainPanelMath implements PanelMath {

    @Override
    public boolean beatBlas() {
        return false;
    }

    @Override
    public void rows(
            int rows,
            int terms,
            int panels,
            float[] x,
            float[] w,
            int wAt,
            float[] start,
            int startAt,
            float[] out,
            int outAt,
            int outRow) {
        for (int panel = 0; panel < panels; panel++) {
            for (int r = 0; r < rows; r++) {
                int to = outAt + r * outRow + panel * WIDTH;
                System.arraycopy(start, startAt + panel * WIDTH, out, to, WIDTH);
                add(terms, x, r * terms, w, wAt + panel * terms * WIDTH, out, to);
            }
        }
    }

    @Override
    public void row(int terms, int panels, float[] x, int xAt, float[] w, int wAt, int stride, float[] out, int outAt) {
        Arrays.fill(out, outAt, outAt + panels * WIDTH, 0f);
        for (int panel = 0; panel < panels; panel++) {
            add(terms, x, xAt, w, wAt + panel * stride, out, outAt + panel * WIDTH);
        }
    }

    private static void add(int terms, float[] x, int xAt, float[] w, int wAt, float[] out, int outAt) {
        for (int k = 0; k < terms; k++) {
            float factor = x[xAt + k];
            for (int j = 0; j < WIDTH; j++) {
                out[outAt + j] += factor * w[wAt + k * WIDTH + j];
            }
        }
    }
}
