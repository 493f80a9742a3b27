package org.minigpt.internal.simd;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link DotProducts} with the Vector API, for vectors of 8 or 16 floats, of which a dot's 16 sums fill two or one. A single
 * row of x takes four rows of W at once from native memory, far from each other, each to its end; more rows of x take them
 * from the heap, since they come back to them.
 */
final class VectorDotProducts extends PlainDotProducts {
    private static final VectorSpecies<Float> F = VectorTileMath.species(MethodHandles.lookup());
    private static final int LANES = F.length();
    private static final int VECTOR = LANES * Float.BYTES;
    private static final int STEP = WIDTH * Float.BYTES;

    /** Rows of W that are computed at once. */
    private static final int ROWS = 4;

    private static final MethodHandle LOAD = VectorMemory.loads(F);

    private static FloatVector load(Object memory, int at) {
        try {
            return (FloatVector) LOAD.invokeExact(memory, at);
        } catch (Throwable e) {
            throw VectorMemory.unexpected(e);
        }
    }

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
        if (n < ROWS || in % WIDTH != 0) {
            super.dots(rows, in, n, x, xAt, xRow, w, wAt, y, yAt, yRow);
        } else if (rows == 1) {
            row(in, n, x, xAt, w.memory(), wAt, y, yAt);
        } else {
            float[] tile = new float[ROWS * in];
            float[] sums = new float[2 * ROWS * WIDTH];
            int quarter = n / ROWS;
            for (int j = 0; j < quarter; j++) {
                for (int i = 0; i < ROWS; i++) {
                    w.floats().get(wAt + (j + i * quarter) * in, tile, i * in, in);
                }
                fourRows(rows, in, x, xAt, xRow, tile, sums, y, yAt + j, yRow, quarter);
            }
            if (n % ROWS > 0) { // what is left over, and some again
                int last = n - ROWS;
                w.floats().get(wAt + last * in, tile);
                fourRows(rows, in, x, xAt, xRow, tile, sums, y, yAt + last, yRow, 1);
            }
        }
    }

    private static void row(int in, int n, float[] x, int xAt, Object w, int wAt, float[] y, int yAt) {
        float[] sums = new float[ROWS * WIDTH];
        int quarter = n / ROWS;
        int row = in * Float.BYTES;
        for (int j = 0; j < quarter; j++) {
            fourDots(in, x, xAt, w, wAt * Float.BYTES + j * row, quarter * row, sums);
            finish(sums, 1, ROWS, y, yAt + j, 0, quarter);
        }
        if (n % ROWS > 0) {
            int last = n - ROWS;
            fourDots(in, x, xAt, w, wAt * Float.BYTES + last * row, row, sums);
            finish(sums, 1, ROWS, y, yAt + last, 0, 1);
        }
    }

    private static void fourDots(int in, float[] x, int xAt, Object w, int w0, int far, float[] sums) {
        FloatVector a0 = FloatVector.zero(F);
        FloatVector a1 = FloatVector.zero(F);
        FloatVector a2 = FloatVector.zero(F);
        FloatVector a3 = FloatVector.zero(F);
        FloatVector b0 = FloatVector.zero(F);
        FloatVector b1 = FloatVector.zero(F);
        FloatVector b2 = FloatVector.zero(F);
        FloatVector b3 = FloatVector.zero(F);
        int w1 = w0 + far;
        int w2 = w1 + far;
        int w3 = w2 + far;
        for (int k = 0; k < in / WIDTH; k++) {
            FloatVector a = FloatVector.fromArray(F, x, xAt + k * WIDTH);
            a0 = a.fma(load(w, w0 + k * STEP), a0);
            a1 = a.fma(load(w, w1 + k * STEP), a1);
            a2 = a.fma(load(w, w2 + k * STEP), a2);
            a3 = a.fma(load(w, w3 + k * STEP), a3);
            if (LANES < WIDTH) {
                FloatVector b = FloatVector.fromArray(F, x, xAt + k * WIDTH + LANES);
                b0 = b.fma(load(w, w0 + k * STEP + VECTOR), b0);
                b1 = b.fma(load(w, w1 + k * STEP + VECTOR), b1);
                b2 = b.fma(load(w, w2 + k * STEP + VECTOR), b2);
                b3 = b.fma(load(w, w3 + k * STEP + VECTOR), b3);
            }
        }
        a0.intoArray(sums, 0);
        a1.intoArray(sums, WIDTH);
        a2.intoArray(sums, 2 * WIDTH);
        a3.intoArray(sums, 3 * WIDTH);
        if (LANES < WIDTH) {
            b0.intoArray(sums, LANES);
            b1.intoArray(sums, WIDTH + LANES);
            b2.intoArray(sums, 2 * WIDTH + LANES);
            b3.intoArray(sums, 3 * WIDTH + LANES);
        }
    }

    /** Entry (r, j) of y becomes the sum of 16 sums, [rows,n,16]. */
    static void finish(float[] sums, int rows, int n, float[] y, int yAt, int yRow, int yFar) {
        for (int r = 0; r < rows; r++) {
            for (int j = 0; j < n; j++) {
                y[yAt + r * yRow + j * yFar] = sum(sums, (r * n + j) * WIDTH);
            }
        }
    }

    /**
     * Four rows of W, [4,in], by all rows of x, of which in is a multiple of 16.
     *
     * @param sums for 2·4·16 of them
     * @param yFar from a row of W to the next
     */
    static void fourRows(
            int rows,
            int in,
            float[] x,
            int xAt,
            int xRow,
            float[] w,
            float[] sums,
            float[] y,
            int yAt,
            int yRow,
            int yFar) {
        int r = 0;
        for (; r <= rows - 4; r += 4) {
            for (int j = 0; j < ROWS; j += 2) {
                for (int lane = 0; lane < WIDTH; lane += LANES) {
                    fourByTwo(in, x, xAt + r * xRow + lane, xRow, w, j * in + lane, sums, lane);
                }
                finish(sums, 4, 2, y, yAt + r * yRow + j * yFar, yRow, yFar);
            }
        }
        for (; r < rows; r++) {
            for (int lane = 0; lane < WIDTH; lane += LANES) {
                oneByFour(in, x, xAt + r * xRow + lane, w, lane, sums, lane);
            }
            finish(sums, 1, ROWS, y, yAt + r * yRow, 0, yFar);
        }
    }

    private static void oneByFour(int in, float[] x, int xAt, float[] w, int w0, float[] sums, int lane) {
        FloatVector s0 = FloatVector.zero(F);
        FloatVector s1 = FloatVector.zero(F);
        FloatVector s2 = FloatVector.zero(F);
        FloatVector s3 = FloatVector.zero(F);
        int w1 = w0 + in;
        int w2 = w1 + in;
        int w3 = w2 + in;
        for (int k = 0; k < in; k += WIDTH) {
            FloatVector v = FloatVector.fromArray(F, x, xAt + k);
            s0 = v.fma(FloatVector.fromArray(F, w, w0 + k), s0);
            s1 = v.fma(FloatVector.fromArray(F, w, w1 + k), s1);
            s2 = v.fma(FloatVector.fromArray(F, w, w2 + k), s2);
            s3 = v.fma(FloatVector.fromArray(F, w, w3 + k), s3);
        }
        s0.intoArray(sums, lane);
        s1.intoArray(sums, WIDTH + lane);
        s2.intoArray(sums, 2 * WIDTH + lane);
        s3.intoArray(sums, 3 * WIDTH + lane);
    }

    private static void fourByTwo(int in, float[] x, int x0, int xRow, float[] w, int w0, float[] sums, int lane) {
        FloatVector a0 = FloatVector.zero(F);
        FloatVector b0 = FloatVector.zero(F);
        FloatVector a1 = FloatVector.zero(F);
        FloatVector b1 = FloatVector.zero(F);
        FloatVector a2 = FloatVector.zero(F);
        FloatVector b2 = FloatVector.zero(F);
        FloatVector a3 = FloatVector.zero(F);
        FloatVector b3 = FloatVector.zero(F);
        int x1 = x0 + xRow;
        int x2 = x1 + xRow;
        int x3 = x2 + xRow;
        int w1 = w0 + in;
        for (int k = 0; k < in; k += WIDTH) {
            FloatVector a = FloatVector.fromArray(F, w, w0 + k);
            FloatVector b = FloatVector.fromArray(F, w, w1 + k);
            FloatVector v = FloatVector.fromArray(F, x, x0 + k);
            a0 = v.fma(a, a0);
            b0 = v.fma(b, b0);
            v = FloatVector.fromArray(F, x, x1 + k);
            a1 = v.fma(a, a1);
            b1 = v.fma(b, b1);
            v = FloatVector.fromArray(F, x, x2 + k);
            a2 = v.fma(a, a2);
            b2 = v.fma(b, b2);
            v = FloatVector.fromArray(F, x, x3 + k);
            a3 = v.fma(a, a3);
            b3 = v.fma(b, b3);
        }
        a0.intoArray(sums, lane);
        b0.intoArray(sums, WIDTH + lane);
        a1.intoArray(sums, 2 * WIDTH + lane);
        b1.intoArray(sums, 3 * WIDTH + lane);
        a2.intoArray(sums, 4 * WIDTH + lane);
        b2.intoArray(sums, 5 * WIDTH + lane);
        a3.intoArray(sums, 6 * WIDTH + lane);
        b3.intoArray(sums, 7 * WIDTH + lane);
    }
}
