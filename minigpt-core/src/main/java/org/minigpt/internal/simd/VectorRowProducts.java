package org.minigpt.internal.simd;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link RowProducts} with the Vector API, for vectors of 8 or 16 floats. Sums stay in registers, and there are so many of
 * them that none waits for the one before. Indices run with constant strides, since the JIT leaves out their checks only
 * then; of vectors from native memory there are few in a loop, since more of them are not inlined.
 */
final class VectorRowProducts extends PlainRowProducts {
    private static final VectorSpecies<Float> F = VectorTileMath.species(MethodHandles.lookup());
    private static final int LANES = F.length();
    private static final int VECTOR = LANES * Float.BYTES;

    private static final MethodHandle LOAD = VectorMemory.loads(F);

    private static FloatVector load(Object memory, int at) {
        try {
            return (FloatVector) LOAD.invokeExact(memory, at);
        } catch (Throwable e) {
            throw VectorMemory.unexpected(e);
        }
    }

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
        int quarter = terms / PLACES;
        int step = spread ? 1 : PLACES; // from one four of terms to the next
        int far = spread ? quarter : 1; // from one of them to the next
        int whole = F.loopBound(n);
        for (int i = 0; i < quarter; i++) {
            int k = xAt + i * step;
            int from = (wAt + i * step * wRow) * Float.BYTES;
            addFour(
                    whole,
                    x[k],
                    x[k + far],
                    x[k + 2 * far],
                    x[k + 3 * far],
                    w.memory(),
                    from,
                    far * wRow * Float.BYTES,
                    y,
                    yAt);
        }
        int done = PLACES * quarter;
        if (whole < n) { // the columns that are left over
            super.streamed(done, spread, n - whole, x, xAt, w, wAt + whole, wRow, y, yAt + whole);
        }
        if (done < terms) { // and the terms
            super.streamed(terms - done, false, n, x, xAt + done, w, wAt + done * wRow, wRow, y, yAt);
        }
    }

    private static void addFour(
            int n, float f0, float f1, float f2, float f3, Object w, int w0, int far, float[] y, int yAt) {
        FloatVector x0 = FloatVector.broadcast(F, f0);
        FloatVector x1 = FloatVector.broadcast(F, f1);
        FloatVector x2 = FloatVector.broadcast(F, f2);
        FloatVector x3 = FloatVector.broadcast(F, f3);
        int w1 = w0 + far;
        int w2 = w1 + far;
        int w3 = w2 + far;
        for (int j = 0; j < n / LANES; j++) {
            FloatVector sum = FloatVector.fromArray(F, y, yAt + j * LANES);
            sum = x0.fma(load(w, w0 + j * VECTOR), sum);
            sum = x1.fma(load(w, w1 + j * VECTOR), sum);
            sum = x2.fma(load(w, w2 + j * VECTOR), sum);
            sum = x3.fma(load(w, w3 + j * VECTOR), sum);
            sum.intoArray(y, yAt + j * LANES);
        }
    }

    @Override
    public void pack(
            int terms, boolean spread, int n, NativeBytes w, int wAt, int wRow, float[] panels, int at, int panel) {
        int whole = n / WIDTH * WIDTH;
        for (int i = 0; i < terms; i++) {
            packRow(
                    whole,
                    w.memory(),
                    (wAt + RowProducts.term(i, terms, spread) * wRow) * Float.BYTES,
                    panels,
                    at + i * WIDTH,
                    panel);
        }
        for (int i = 0; i < terms && whole < n; i++) {
            w.floats()
                    .get(
                            wAt + RowProducts.term(i, terms, spread) * wRow + whole,
                            panels,
                            at + whole / WIDTH * panel + i * WIDTH,
                            n - whole);
        }
    }

    private static void packRow(int n, Object w, int from, float[] panels, int at, int panel) {
        for (int j = 0; j < n / WIDTH; j++) {
            load(w, from + j * WIDTH * Float.BYTES).intoArray(panels, at + j * panel);
            if (LANES < WIDTH) {
                load(w, from + j * WIDTH * Float.BYTES + VECTOR).intoArray(panels, at + j * panel + LANES);
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
        int two = 2 * LANES / WIDTH; // panels that two vectors fill
        int second = LANES == WIDTH ? wPanel : LANES; // from the first vector to the second
        int r = 0;
        for (; r <= rows - 4; r += 4) {
            int panel = 0;
            boolean eight = LANES == WIDTH && r <= rows - 8;
            for (; panel <= count - two; panel += two) {
                int from = wAt + panel * wPanel;
                int to = yAt + r * yRow + panel * WIDTH;
                if (eight) {
                    eightRows(terms, x, xAt + r * xRow, xRow, w, from, from + second, y, to, yRow);
                } else {
                    fourRows(terms, x, xAt + r * xRow, xRow, w, from, from + second, y, to, yRow);
                }
            }
            for (; panel < count; panel++) {
                int to = yAt + r * yRow + panel * WIDTH;
                fourRowsOfOne(terms, x, xAt + r * xRow, xRow, w, wAt + panel * wPanel, y, to, yRow);
                if (eight) {
                    fourRowsOfOne(
                            terms, x, xAt + (r + 4) * xRow, xRow, w, wAt + panel * wPanel, y, to + 4 * yRow, yRow);
                }
            }
            r += eight ? 4 : 0;
        }
        for (; r < rows; r++) {
            oneRow(terms, count, x, xAt + r * xRow, w, wAt, wPanel, y, yAt + r * yRow);
        }
    }

    private static void oneRow(
            int terms, int count, float[] x, int xAt, float[] w, int wAt, int wPanel, float[] y, int yAt) {
        int vectors = count * WIDTH / LANES;
        int v = 0;
        for (; v <= vectors - 8; v += 8) {
            eightVectors(terms, x, xAt, w, wAt + v * LANES / WIDTH * wPanel, wPanel, y, yAt + v * LANES);
        }
        for (; v <= vectors - 4; v += 4) {
            fourVectors(terms, x, xAt, w, wAt + v * LANES / WIDTH * wPanel, wPanel, y, yAt + v * LANES);
        }
        for (; v < vectors; v++) {
            oneVector(terms, x, xAt, w, wAt + at(v, wPanel), y, yAt + v * LANES);
        }
    }

    /** @return where vector v of the panels begins */
    private static int at(int v, int wPanel) {
        return v * LANES / WIDTH * wPanel + v * LANES % WIDTH;
    }

    private static void oneVector(int terms, float[] x, int xAt, float[] w, int wAt, float[] y, int yAt) {
        FloatVector a = FloatVector.zero(F);
        for (int k = 0; k < terms; k++) {
            a = FloatVector.broadcast(F, x[xAt + k]).fma(FloatVector.fromArray(F, w, wAt + k * WIDTH), a);
        }
        FloatVector.fromArray(F, y, yAt).add(a).intoArray(y, yAt);
    }

    private static void fourVectors(int terms, float[] x, int xAt, float[] w, int wAt, int wPanel, float[] y, int yAt) {
        FloatVector a = FloatVector.zero(F);
        FloatVector b = FloatVector.zero(F);
        FloatVector c = FloatVector.zero(F);
        FloatVector d = FloatVector.zero(F);
        int aAt = wAt;
        int bAt = wAt + at(1, wPanel);
        int cAt = wAt + at(2, wPanel);
        int dAt = wAt + at(3, wPanel);
        for (int k = 0; k < terms; k++) {
            FloatVector factor = FloatVector.broadcast(F, x[xAt + k]);
            a = factor.fma(FloatVector.fromArray(F, w, aAt + k * WIDTH), a);
            b = factor.fma(FloatVector.fromArray(F, w, bAt + k * WIDTH), b);
            c = factor.fma(FloatVector.fromArray(F, w, cAt + k * WIDTH), c);
            d = factor.fma(FloatVector.fromArray(F, w, dAt + k * WIDTH), d);
        }
        FloatVector.fromArray(F, y, yAt).add(a).intoArray(y, yAt);
        FloatVector.fromArray(F, y, yAt + LANES).add(b).intoArray(y, yAt + LANES);
        FloatVector.fromArray(F, y, yAt + 2 * LANES).add(c).intoArray(y, yAt + 2 * LANES);
        FloatVector.fromArray(F, y, yAt + 3 * LANES).add(d).intoArray(y, yAt + 3 * LANES);
    }

    private static void eightVectors(
            int terms, float[] x, int xAt, float[] w, int wAt, int wPanel, float[] y, int yAt) {
        FloatVector a = FloatVector.zero(F);
        FloatVector b = FloatVector.zero(F);
        FloatVector c = FloatVector.zero(F);
        FloatVector d = FloatVector.zero(F);
        FloatVector e = FloatVector.zero(F);
        FloatVector f = FloatVector.zero(F);
        FloatVector g = FloatVector.zero(F);
        FloatVector h = FloatVector.zero(F);
        int aAt = wAt;
        int bAt = wAt + at(1, wPanel);
        int cAt = wAt + at(2, wPanel);
        int dAt = wAt + at(3, wPanel);
        int eAt = wAt + at(4, wPanel);
        int fAt = wAt + at(5, wPanel);
        int gAt = wAt + at(6, wPanel);
        int hAt = wAt + at(7, wPanel);
        for (int k = 0; k < terms; k++) {
            FloatVector factor = FloatVector.broadcast(F, x[xAt + k]);
            a = factor.fma(FloatVector.fromArray(F, w, aAt + k * WIDTH), a);
            b = factor.fma(FloatVector.fromArray(F, w, bAt + k * WIDTH), b);
            c = factor.fma(FloatVector.fromArray(F, w, cAt + k * WIDTH), c);
            d = factor.fma(FloatVector.fromArray(F, w, dAt + k * WIDTH), d);
            e = factor.fma(FloatVector.fromArray(F, w, eAt + k * WIDTH), e);
            f = factor.fma(FloatVector.fromArray(F, w, fAt + k * WIDTH), f);
            g = factor.fma(FloatVector.fromArray(F, w, gAt + k * WIDTH), g);
            h = factor.fma(FloatVector.fromArray(F, w, hAt + k * WIDTH), h);
        }
        FloatVector.fromArray(F, y, yAt).add(a).intoArray(y, yAt);
        FloatVector.fromArray(F, y, yAt + LANES).add(b).intoArray(y, yAt + LANES);
        FloatVector.fromArray(F, y, yAt + 2 * LANES).add(c).intoArray(y, yAt + 2 * LANES);
        FloatVector.fromArray(F, y, yAt + 3 * LANES).add(d).intoArray(y, yAt + 3 * LANES);
        FloatVector.fromArray(F, y, yAt + 4 * LANES).add(e).intoArray(y, yAt + 4 * LANES);
        FloatVector.fromArray(F, y, yAt + 5 * LANES).add(f).intoArray(y, yAt + 5 * LANES);
        FloatVector.fromArray(F, y, yAt + 6 * LANES).add(g).intoArray(y, yAt + 6 * LANES);
        FloatVector.fromArray(F, y, yAt + 7 * LANES).add(h).intoArray(y, yAt + 7 * LANES);
    }

    /** A panel, of which there is no second one for a second vector of 16 floats. */
    private static void fourRowsOfOne(
            int terms, float[] x, int xAt, int xRow, float[] w, int aAt, float[] y, int yAt, int yRow) {
        FloatVector a0 = FloatVector.zero(F);
        FloatVector a1 = FloatVector.zero(F);
        FloatVector a2 = FloatVector.zero(F);
        FloatVector a3 = FloatVector.zero(F);
        int x1 = xAt + xRow;
        int x2 = x1 + xRow;
        int x3 = x2 + xRow;
        for (int k = 0; k < terms; k++) {
            FloatVector a = FloatVector.fromArray(F, w, aAt + k * WIDTH);
            FloatVector factor = FloatVector.broadcast(F, x[xAt + k]);
            a0 = factor.fma(a, a0);
            factor = FloatVector.broadcast(F, x[x1 + k]);
            a1 = factor.fma(a, a1);
            factor = FloatVector.broadcast(F, x[x2 + k]);
            a2 = factor.fma(a, a2);
            factor = FloatVector.broadcast(F, x[x3 + k]);
            a3 = factor.fma(a, a3);
        }
        FloatVector.fromArray(F, y, yAt).add(a0).intoArray(y, yAt);
        FloatVector.fromArray(F, y, yAt + yRow).add(a1).intoArray(y, yAt + yRow);
        FloatVector.fromArray(F, y, yAt + 2 * yRow).add(a2).intoArray(y, yAt + 2 * yRow);
        FloatVector.fromArray(F, y, yAt + 3 * yRow).add(a3).intoArray(y, yAt + 3 * yRow);
    }

    private static void fourRows(
            int terms, float[] x, int xAt, int xRow, float[] w, int aAt, int bAt, float[] y, int yAt, int yRow) {
        FloatVector a0 = FloatVector.zero(F);
        FloatVector b0 = FloatVector.zero(F);
        FloatVector a1 = FloatVector.zero(F);
        FloatVector b1 = FloatVector.zero(F);
        FloatVector a2 = FloatVector.zero(F);
        FloatVector b2 = FloatVector.zero(F);
        FloatVector a3 = FloatVector.zero(F);
        FloatVector b3 = FloatVector.zero(F);
        int x1 = xAt + xRow;
        int x2 = x1 + xRow;
        int x3 = x2 + xRow;
        for (int k = 0; k < terms; k++) {
            FloatVector a = FloatVector.fromArray(F, w, aAt + k * WIDTH);
            FloatVector b = FloatVector.fromArray(F, w, bAt + k * WIDTH);
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
        FloatVector.fromArray(F, y, yAt).add(a0).intoArray(y, yAt);
        FloatVector.fromArray(F, y, yAt + LANES).add(b0).intoArray(y, yAt + LANES);
        FloatVector.fromArray(F, y, yAt + yRow).add(a1).intoArray(y, yAt + yRow);
        FloatVector.fromArray(F, y, yAt + yRow + LANES).add(b1).intoArray(y, yAt + yRow + LANES);
        FloatVector.fromArray(F, y, yAt + 2 * yRow).add(a2).intoArray(y, yAt + 2 * yRow);
        FloatVector.fromArray(F, y, yAt + 2 * yRow + LANES).add(b2).intoArray(y, yAt + 2 * yRow + LANES);
        FloatVector.fromArray(F, y, yAt + 3 * yRow).add(a3).intoArray(y, yAt + 3 * yRow);
        FloatVector.fromArray(F, y, yAt + 3 * yRow + LANES).add(b3).intoArray(y, yAt + 3 * yRow + LANES);
    }

    private static void eightRows(
            int terms, float[] x, int xAt, int xRow, float[] w, int aAt, int bAt, float[] y, int yAt, int yRow) {
        FloatVector a0 = FloatVector.zero(F);
        FloatVector b0 = FloatVector.zero(F);
        FloatVector a1 = FloatVector.zero(F);
        FloatVector b1 = FloatVector.zero(F);
        FloatVector a2 = FloatVector.zero(F);
        FloatVector b2 = FloatVector.zero(F);
        FloatVector a3 = FloatVector.zero(F);
        FloatVector b3 = FloatVector.zero(F);
        FloatVector a4 = FloatVector.zero(F);
        FloatVector b4 = FloatVector.zero(F);
        FloatVector a5 = FloatVector.zero(F);
        FloatVector b5 = FloatVector.zero(F);
        FloatVector a6 = FloatVector.zero(F);
        FloatVector b6 = FloatVector.zero(F);
        FloatVector a7 = FloatVector.zero(F);
        FloatVector b7 = FloatVector.zero(F);
        int x1 = xAt + xRow;
        int x2 = x1 + xRow;
        int x3 = x2 + xRow;
        int x4 = x3 + xRow;
        int x5 = x4 + xRow;
        int x6 = x5 + xRow;
        int x7 = x6 + xRow;
        for (int k = 0; k < terms; k++) {
            FloatVector a = FloatVector.fromArray(F, w, aAt + k * WIDTH);
            FloatVector b = FloatVector.fromArray(F, w, bAt + k * WIDTH);
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
            factor = FloatVector.broadcast(F, x[x4 + k]);
            a4 = factor.fma(a, a4);
            b4 = factor.fma(b, b4);
            factor = FloatVector.broadcast(F, x[x5 + k]);
            a5 = factor.fma(a, a5);
            b5 = factor.fma(b, b5);
            factor = FloatVector.broadcast(F, x[x6 + k]);
            a6 = factor.fma(a, a6);
            b6 = factor.fma(b, b6);
            factor = FloatVector.broadcast(F, x[x7 + k]);
            a7 = factor.fma(a, a7);
            b7 = factor.fma(b, b7);
        }
        FloatVector.fromArray(F, y, yAt).add(a0).intoArray(y, yAt);
        FloatVector.fromArray(F, y, yAt + LANES).add(b0).intoArray(y, yAt + LANES);
        FloatVector.fromArray(F, y, yAt + yRow).add(a1).intoArray(y, yAt + yRow);
        FloatVector.fromArray(F, y, yAt + yRow + LANES).add(b1).intoArray(y, yAt + yRow + LANES);
        FloatVector.fromArray(F, y, yAt + 2 * yRow).add(a2).intoArray(y, yAt + 2 * yRow);
        FloatVector.fromArray(F, y, yAt + 2 * yRow + LANES).add(b2).intoArray(y, yAt + 2 * yRow + LANES);
        FloatVector.fromArray(F, y, yAt + 3 * yRow).add(a3).intoArray(y, yAt + 3 * yRow);
        FloatVector.fromArray(F, y, yAt + 3 * yRow + LANES).add(b3).intoArray(y, yAt + 3 * yRow + LANES);
        FloatVector.fromArray(F, y, yAt + 4 * yRow).add(a4).intoArray(y, yAt + 4 * yRow);
        FloatVector.fromArray(F, y, yAt + 4 * yRow + LANES).add(b4).intoArray(y, yAt + 4 * yRow + LANES);
        FloatVector.fromArray(F, y, yAt + 5 * yRow).add(a5).intoArray(y, yAt + 5 * yRow);
        FloatVector.fromArray(F, y, yAt + 5 * yRow + LANES).add(b5).intoArray(y, yAt + 5 * yRow + LANES);
        FloatVector.fromArray(F, y, yAt + 6 * yRow).add(a6).intoArray(y, yAt + 6 * yRow);
        FloatVector.fromArray(F, y, yAt + 6 * yRow + LANES).add(b6).intoArray(y, yAt + 6 * yRow + LANES);
        FloatVector.fromArray(F, y, yAt + 7 * yRow).add(a7).intoArray(y, yAt + 7 * yRow);
        FloatVector.fromArray(F, y, yAt + 7 * yRow + LANES).add(b7).intoArray(y, yAt + 7 * yRow + LANES);
    }
}
