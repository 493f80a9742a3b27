package org.minigpt.internal.simd;

import java.lang.invoke.MethodHandles;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link Products} with the Vector API, small ones with this machine's vectors. Four rows by two vectors are
 * computed at a time, so that what is loaded is used more than once, and the sums, which wait for each other, are many; of
 * rows that are left over, one by four vectors.
 */
final class VectorProducts extends PlainProducts {
    private static final VectorSpecies<Float> F = VectorTileMath.species(MethodHandles.lookup());
    private static final int LANES = F.length();

    @Override
    public boolean fasterThanBlas() {
        return LANES == 8;
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
        int r = 0;
        for (; r <= rows - 4; r += 4) {
            int xr = xAt + r * xRow;
            int to = outAt + r * outRow;
            int j = 0;
            for (; j <= n - 2 * LANES; j += 2 * LANES) {
                if (xTerm == 1) {
                    twoVectorsOfRows(terms, x, xr, xRow, y, yAt + j, yTerm, out, to + j, outRow);
                } else {
                    twoVectors(terms, x, xr, xRow, xTerm, y, yAt + j, yTerm, out, to + j, outRow);
                }
            }
            for (; j <= n - LANES; j += LANES) {
                oneVector(terms, x, xr, xRow, xTerm, y, yAt + j, yTerm, out, to + j, outRow);
            }
            if (j < n) {
                super.multiply(4, n - j, terms, x, xr, xRow, xTerm, y, yAt + j, yTerm, out, to + j, outRow);
            }
        }
        for (; r < rows; r++) {
            oneRow(n, terms, x, xAt + r * xRow, xTerm, y, yAt, yTerm, out, outAt + r * outRow);
        }
    }

    /**
     * {@link #twoVectors} for {@code xTerm} = 1, written out: the JIT leaves out the checks of an index only if its stride is
     * constant, and the method is too large to be inlined with a 1 that is passed. That costs a quarter of the rate.
     */
    private static void twoVectorsOfRows(
            int terms,
            float[] x,
            int xAt,
            int xRow,
            float[] y,
            int yAt,
            int yTerm,
            float[] out,
            int outAt,
            int outRow) {
        FloatVector a0 = FloatVector.zero(F);
        FloatVector a1 = FloatVector.zero(F);
        FloatVector a2 = FloatVector.zero(F);
        FloatVector a3 = FloatVector.zero(F);
        FloatVector b0 = FloatVector.zero(F);
        FloatVector b1 = FloatVector.zero(F);
        FloatVector b2 = FloatVector.zero(F);
        FloatVector b3 = FloatVector.zero(F);
        int x1 = xAt + xRow;
        int x2 = x1 + xRow;
        int x3 = x2 + xRow;
        for (int k = 0; k < terms; k++) {
            FloatVector a = FloatVector.fromArray(F, y, yAt + k * yTerm);
            FloatVector b = FloatVector.fromArray(F, y, yAt + k * yTerm + LANES);
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

    private static void twoVectors(
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
        FloatVector a0 = FloatVector.zero(F);
        FloatVector a1 = FloatVector.zero(F);
        FloatVector a2 = FloatVector.zero(F);
        FloatVector a3 = FloatVector.zero(F);
        FloatVector b0 = FloatVector.zero(F);
        FloatVector b1 = FloatVector.zero(F);
        FloatVector b2 = FloatVector.zero(F);
        FloatVector b3 = FloatVector.zero(F);
        int x1 = xAt + xRow;
        int x2 = x1 + xRow;
        int x3 = x2 + xRow;
        for (int k = 0; k < terms; k++) {
            FloatVector a = FloatVector.fromArray(F, y, yAt + k * yTerm);
            FloatVector b = FloatVector.fromArray(F, y, yAt + k * yTerm + LANES);
            FloatVector factor = FloatVector.broadcast(F, x[xAt + k * xTerm]);
            a0 = factor.fma(a, a0);
            b0 = factor.fma(b, b0);
            factor = FloatVector.broadcast(F, x[x1 + k * xTerm]);
            a1 = factor.fma(a, a1);
            b1 = factor.fma(b, b1);
            factor = FloatVector.broadcast(F, x[x2 + k * xTerm]);
            a2 = factor.fma(a, a2);
            b2 = factor.fma(b, b2);
            factor = FloatVector.broadcast(F, x[x3 + k * xTerm]);
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

    private static void oneVector(
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
        FloatVector a0 = FloatVector.zero(F);
        FloatVector a1 = FloatVector.zero(F);
        FloatVector a2 = FloatVector.zero(F);
        FloatVector a3 = FloatVector.zero(F);
        for (int k = 0; k < terms; k++) {
            FloatVector a = FloatVector.fromArray(F, y, yAt + k * yTerm);
            int at = xAt + k * xTerm;
            a0 = FloatVector.broadcast(F, x[at]).fma(a, a0);
            a1 = FloatVector.broadcast(F, x[at + xRow]).fma(a, a1);
            a2 = FloatVector.broadcast(F, x[at + 2 * xRow]).fma(a, a2);
            a3 = FloatVector.broadcast(F, x[at + 3 * xRow]).fma(a, a3);
        }
        a0.intoArray(out, outAt);
        a1.intoArray(out, outAt + outRow);
        a2.intoArray(out, outAt + 2 * outRow);
        a3.intoArray(out, outAt + 3 * outRow);
    }

    private void oneRow(
            int n, int terms, float[] x, int xAt, int xTerm, float[] y, int yAt, int yTerm, float[] out, int outAt) {
        int j = 0;
        for (; j <= n - 4 * LANES; j += 4 * LANES) {
            FloatVector a = FloatVector.zero(F);
            FloatVector b = FloatVector.zero(F);
            FloatVector c = FloatVector.zero(F);
            FloatVector d = FloatVector.zero(F);
            for (int k = 0; k < terms; k++) {
                FloatVector factor = FloatVector.broadcast(F, x[xAt + k * xTerm]);
                int at = yAt + j + k * yTerm;
                a = factor.fma(FloatVector.fromArray(F, y, at), a);
                b = factor.fma(FloatVector.fromArray(F, y, at + LANES), b);
                c = factor.fma(FloatVector.fromArray(F, y, at + 2 * LANES), c);
                d = factor.fma(FloatVector.fromArray(F, y, at + 3 * LANES), d);
            }
            a.intoArray(out, outAt + j);
            b.intoArray(out, outAt + j + LANES);
            c.intoArray(out, outAt + j + 2 * LANES);
            d.intoArray(out, outAt + j + 3 * LANES);
        }
        for (; j <= n - LANES; j += LANES) {
            FloatVector a = FloatVector.zero(F);
            for (int k = 0; k < terms; k++) {
                FloatVector factor = FloatVector.broadcast(F, x[xAt + k * xTerm]);
                a = factor.fma(FloatVector.fromArray(F, y, yAt + j + k * yTerm), a);
            }
            a.intoArray(out, outAt + j);
        }
        if (j < n) {
            super.multiply(1, n - j, terms, x, xAt, 0, xTerm, y, yAt + j, yTerm, out, outAt + j, 0);
        }
    }
}
