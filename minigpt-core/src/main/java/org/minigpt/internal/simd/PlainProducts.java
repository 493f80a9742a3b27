package org.minigpt.internal.simd;

import java.util.Arrays;

/** {@link Products} in plain Java; it does the entries that vectors leave over, too. */
class PlainProducts implements Products {

    @Override
    public boolean fasterThanBlas() {
        return false;
    }

    @Override
    public void multiply(
            int rows,
            int n,
            int terms,
            float[] x,
            int xAt,
            int xRow,
            int xTerm,
            float[] y,
            int yAt,
            int yTerm,
            float[] out,
            int outAt,
            int outRow) {
        for (int r = 0; r < rows; r++) {
            int to = outAt + r * outRow;
            Arrays.fill(out, to, to + n, 0f);
            for (int k = 0; k < terms; k++) {
                float factor = x[xAt + r * xRow + k * xTerm];
                int from = yAt + k * yTerm;
                for (int j = 0; j < n; j++) {
                    out[to + j] += factor * y[from + j];
                }
            }
        }
    }
}
