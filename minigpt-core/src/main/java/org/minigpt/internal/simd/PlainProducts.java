package org.minigpt.internal.simd;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;

/** {@link Products} in plain Java; it does the entries that vectors leave over, too. */
class PlainProducts implements Products {

    @Override
    public boolean fasterAt(Kind kind) {
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

    @Override
    public void panelRows(
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
    public void panelRow(
            int terms, int panels, float[] x, int xAt, float[] w, int wAt, int stride, float[] out, int outAt) {
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

    @Override
    public Object memory(ByteBuffer bytes) {
        return bytes.order(ByteOrder.nativeOrder()).asFloatBuffer();
    }

    @Override
    public void addRowTimes(int terms, int n, float[] x, Object w, int wAt, float[] out) {
        FloatBuffer floats = (FloatBuffer) w;
        for (int k = 0; k < terms; k++) {
            for (int j = 0; j < n; j++) {
                out[j] += x[k] * floats.get(wAt + k * n + j);
            }
        }
    }

    @Override
    public void timesRow(int terms, int n, float[] x, Object w, int wAt, float[] out) {
        FloatBuffer floats = (FloatBuffer) w;
        for (int j = 0; j < n; j++) {
            out[j] = 0f;
            for (int k = 0; k < terms; k++) {
                out[j] += x[k] * floats.get(wAt + j * terms + k);
            }
        }
    }
}
