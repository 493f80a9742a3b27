package org.minigpt.internal.kernels;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link PanelMath} with the Vector API, for vectors of 8 floats, of which a panel has two: see {@link VectorMath}, which
 * alone makes it. Indices run with constant strides, since the JIT leaves out their checks only then.
 */
final class VectorPanelMath implements PanelMath {
    /** Floats a vector. */
    static final int LANES = 8;

    private static final VectorSpecies<Float> F = FloatVector.SPECIES_256;

    @Override
    public boolean beatBlas() {
        return true;
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
            for (int r = 0; r < rows; r += ROWS) {
                fourRows(
                        terms,
                        x,
                        r * terms,
                        w,
                        wAt + panel * terms * WIDTH,
                        start,
                        startAt + panel * WIDTH,
                        out,
                        outAt + r * outRow + panel * WIDTH,
                        outRow);
            }
        }
    }

    private static void fourRows(
            int terms,
            float[] x,
            int xAt,
            float[] w,
            int wAt,
            float[] start,
            int startAt,
            float[] out,
            int outAt,
            int outRow) {
        FloatVector a0 = FloatVector.fromArray(F, start, startAt);
        FloatVector b0 = FloatVector.fromArray(F, start, startAt + LANES);
        FloatVector a1 = a0;
        FloatVector b1 = b0;
        FloatVector a2 = a0;
        FloatVector b2 = b0;
        FloatVector a3 = a0;
        FloatVector b3 = b0;
        int x1 = xAt + terms;
        int x2 = x1 + terms;
        int x3 = x2 + terms;
        for (int k = 0; k < terms; k++) {
            FloatVector a = FloatVector.fromArray(F, w, wAt + k * WIDTH);
            FloatVector b = FloatVector.fromArray(F, w, wAt + k * WIDTH + LANES);
            FloatVector factor = FloatVector.broadcast(F, x[xAt + k]);
            a0 = factor.fma(a, a0);
            b0 = factor.fma(b, b0);
            factor = FloatVector.broadcast(F, x[x1 + k]);
            a1 = factor.fma(a, a1);
            b1 = factor.fma(b, b1);
            factor = FloatVector.broadcast(F, x[x2 + k]);
            a2 = factor.fma(a, a2);
            b2 = factor.fma(b, b2);
            factor = FloatVector.broadcast(F, x[x3 + k]);
            a3 = factor.fma(a, a3);
            b3 = factor.fma(b, b3);
        }
        a0.intoArray(out, outAt);
        b0.intoArray(out, outAt + LANES);
        a1.intoArray(out, outAt + outRow);
        b1.intoArray(out, outAt + outRow + LANES);
        a2.intoArray(out, outAt + 2 * outRow);
        b2.intoArray(out, outAt + 2 * outRow + LANES);
        a3.intoArray(out, outAt + 3 * outRow);
        b3.intoArray(out, outAt + 3 * outRow + LANES);
    }

    @Override
    public void row(int terms, int panels, float[] x, int xAt, float[] w, int wAt, int stride, float[] out, int outAt) {
        // Four panels far from each other, so that each is followed by the next that is read after it.
        int quarter = panels / 4;
        for (int panel = 0; panel < quarter; panel++) {
            fourPanels(
                    terms,
                    x,
                    xAt,
                    w,
                    wAt + panel * stride,
                    quarter * stride,
                    out,
                    outAt + panel * WIDTH,
                    quarter * WIDTH);
        }
        for (int panel = 4 * quarter; panel < panels; panel++) {
            onePanel(terms, x, xAt, w, wAt + panel * stride, out, outAt + panel * WIDTH);
        }
    }

    private static void fourPanels(
            int terms, float[] x, int xAt, float[] w, int wAt, int stride, float[] out, int outAt, int outStride) {
        FloatVector a0 = FloatVector.zero(F);
        FloatVector a1 = FloatVector.zero(F);
        FloatVector a2 = FloatVector.zero(F);
        FloatVector a3 = FloatVector.zero(F);
        FloatVector b0 = FloatVector.zero(F);
        FloatVector b1 = FloatVector.zero(F);
        FloatVector b2 = FloatVector.zero(F);
        FloatVector b3 = FloatVector.zero(F);
        int w1 = wAt + stride;
        int w2 = w1 + stride;
        int w3 = w2 + stride;
        for (int k = 0; k < terms; k++) {
            FloatVector factor = FloatVector.broadcast(F, x[xAt + k]);
            a0 = factor.fma(FloatVector.fromArray(F, w, wAt + k * WIDTH), a0);
            b0 = factor.fma(FloatVector.fromArray(F, w, wAt + k * WIDTH + LANES), b0);
            a1 = factor.fma(FloatVector.fromArray(F, w, w1 + k * WIDTH), a1);
            b1 = factor.fma(FloatVector.fromArray(F, w, w1 + k * WIDTH + LANES), b1);
            a2 = factor.fma(FloatVector.fromArray(F, w, w2 + k * WIDTH), a2);
            b2 = factor.fma(FloatVector.fromArray(F, w, w2 + k * WIDTH + LANES), b2);
            a3 = factor.fma(FloatVector.fromArray(F, w, w3 + k * WIDTH), a3);
            b3 = factor.fma(FloatVector.fromArray(F, w, w3 + k * WIDTH + LANES), b3);
        }
        a0.intoArray(out, outAt);
        b0.intoArray(out, outAt + LANES);
        a1.intoArray(out, outAt + outStride);
        b1.intoArray(out, outAt + outStride + LANES);
        a2.intoArray(out, outAt + 2 * outStride);
        b2.intoArray(out, outAt + 2 * outStride + LANES);
        a3.intoArray(out, outAt + 3 * outStride);
        b3.intoArray(out, outAt + 3 * outStride + LANES);
    }

    /** Even and odd terms have sums of their own, which do not wait for each other. */
    private static void onePanel(int terms, float[] x, int xAt, float[] w, int wAt, float[] out, int outAt) {
        FloatVector a0 = FloatVector.zero(F);
        FloatVector a1 = FloatVector.zero(F);
        FloatVector b0 = FloatVector.zero(F);
        FloatVector b1 = FloatVector.zero(F);
        int k = 0;
        for (; k < terms - 1; k += 2) {
            FloatVector factor = FloatVector.broadcast(F, x[xAt + k]);
            a0 = factor.fma(FloatVector.fromArray(F, w, wAt + k * WIDTH), a0);
            b0 = factor.fma(FloatVector.fromArray(F, w, wAt + k * WIDTH + LANES), b0);
            factor = FloatVector.broadcast(F, x[xAt + k + 1]);
            a1 = factor.fma(FloatVector.fromArray(F, w, wAt + k * WIDTH + WIDTH), a1);
            b1 = factor.fma(FloatVector.fromArray(F, w, wAt + k * WIDTH + WIDTH + LANES), b1);
        }
        if (k < terms) {
            FloatVector factor = FloatVector.broadcast(F, x[xAt + k]);
            a0 = factor.fma(FloatVector.fromArray(F, w, wAt + k * WIDTH), a0);
            b0 = factor.fma(FloatVector.fromArray(F, w, wAt + k * WIDTH + LANES), b0);
        }
        a0.add(a1).intoArray(out, outAt);
        b0.add(b1).intoArray(out, outAt + LANES);
    }
}
