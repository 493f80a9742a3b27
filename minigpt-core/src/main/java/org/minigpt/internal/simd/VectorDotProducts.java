package org.minigpt.internal.simd;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;
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

    /** Rotations by half, a quarter, an eighth and a sixteenth of 16 lanes. */
    private static final VectorShuffle<Float> ROTATE_8 = VectorShuffle.iota(F, 8 % LANES, 1, true);

    private static final VectorShuffle<Float> ROTATE_4 = VectorShuffle.iota(F, 4, 1, true);
    private static final VectorShuffle<Float> ROTATE_2 = VectorShuffle.iota(F, 2, 1, true);
    private static final VectorShuffle<Float> ROTATE_1 = VectorShuffle.iota(F, 1, 1, true);

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
            int quarter = n / ROWS;
            for (int j = 0; j < quarter; j++) {
                for (int i = 0; i < ROWS; i++) {
                    w.floats().get(wAt + (j + i * quarter) * in, tile, i * in, in);
                }
                fourRows(rows, in, x, xAt, xRow, tile, y, yAt + j, yRow, quarter);
            }
            if (n % ROWS > 0) { // what is left over, and some again
                int last = n - ROWS;
                w.floats().get(wAt + last * in, tile);
                fourRows(rows, in, x, xAt, xRow, tile, y, yAt + last, yRow, 1);
            }
        }
    }

    private static void row(int in, int n, float[] x, int xAt, Object w, int wAt, float[] y, int yAt) {
        int quarter = n / ROWS;
        int row = in * Float.BYTES;
        for (int j = 0; j < quarter; j++) {
            fourDots(in, x, xAt, w, wAt * Float.BYTES + j * row, quarter * row, y, yAt + j, quarter);
        }
        if (n % ROWS > 0) {
            int last = n - ROWS;
            fourDots(in, x, xAt, w, wAt * Float.BYTES + last * row, row, y, yAt + last, 1);
        }
    }

    private static void fourDots(int in, float[] x, int xAt, Object w, int w0, int far, float[] y, int yAt, int yFar) {
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
        y[yAt] = sum(a0, b0);
        y[yAt + yFar] = sum(a1, b1);
        y[yAt + 2 * yFar] = sum(a2, b2);
        y[yAt + 3 * yFar] = sum(a3, b3);
    }

    /** @return the sum of the 16 lanes of a, or of a and b, by halves */
    static float sum(FloatVector a, FloatVector b) {
        FloatVector v = LANES < WIDTH ? a.add(b) : a.add(a.rearrange(ROTATE_8));
        v = v.add(v.rearrange(ROTATE_4));
        v = v.add(v.rearrange(ROTATE_2));
        return v.add(v.rearrange(ROTATE_1)).lane(0);
    }

    /** Four rows of W, [4,in], by all rows of x. */
    private static void fourRows(
            int rows, int in, float[] x, int xAt, int xRow, float[] w, float[] y, int yAt, int yRow, int yFar) {
        int r = 0;
        for (; LANES == WIDTH && r <= rows - 4; r += 4) {
            int from = xAt + r * xRow;
            int to = yAt + r * yRow;
            fourByTwo(in, x, from, xRow, w, 0, y, to, yRow, yFar);
            fourByTwo(in, x, from, xRow, w, 2 * in, y, to + 2 * yFar, yRow, yFar);
        }
        for (; r < rows - 1; r += 2) {
            int from = xAt + r * xRow;
            int to = yAt + r * yRow;
            twoByTwo(in, x, from, xRow, w, 0, y, to, yRow, yFar);
            twoByTwo(in, x, from, xRow, w, 2 * in, y, to + 2 * yFar, yRow, yFar);
        }
        if (r < rows) {
            for (int i = 0; i < ROWS; i += 2) {
                oneByTwo(in, x, xAt + r * xRow, w, i * in, y, yAt + r * yRow + i * yFar, yFar);
            }
        }
    }

    private static void oneByTwo(int in, float[] x, int x0, float[] w, int w0, float[] y, int yAt, int yFar) {
        FloatVector a00 = FloatVector.zero(F);
        FloatVector b00 = FloatVector.zero(F);
        FloatVector a01 = FloatVector.zero(F);
        FloatVector b01 = FloatVector.zero(F);
        int w1 = w0 + in;
        for (int k = 0; k < in; k += WIDTH) {
            FloatVector aw0 = FloatVector.fromArray(F, w, w0 + k);
            FloatVector aw1 = FloatVector.fromArray(F, w, w1 + k);
            FloatVector ax0 = FloatVector.fromArray(F, x, x0 + k);
            a00 = ax0.fma(aw0, a00);
            a01 = ax0.fma(aw1, a01);
            if (LANES < WIDTH) {
                FloatVector bw0 = FloatVector.fromArray(F, w, w0 + k + LANES);
                FloatVector bw1 = FloatVector.fromArray(F, w, w1 + k + LANES);
                FloatVector bx0 = FloatVector.fromArray(F, x, x0 + k + LANES);
                b00 = bx0.fma(bw0, b00);
                b01 = bx0.fma(bw1, b01);
            }
        }
        y[yAt] = sum(a00, b00);
        y[yAt + yFar] = sum(a01, b01);
    }

    private static void twoByTwo(
            int in, float[] x, int x0, int xRow, float[] w, int w0, float[] y, int yAt, int yRow, int yFar) {
        FloatVector a00 = FloatVector.zero(F);
        FloatVector b00 = FloatVector.zero(F);
        FloatVector a01 = FloatVector.zero(F);
        FloatVector b01 = FloatVector.zero(F);
        FloatVector a10 = FloatVector.zero(F);
        FloatVector b10 = FloatVector.zero(F);
        FloatVector a11 = FloatVector.zero(F);
        FloatVector b11 = FloatVector.zero(F);
        int x1 = x0 + xRow;
        int w1 = w0 + in;
        for (int k = 0; k < in; k += WIDTH) {
            FloatVector aw0 = FloatVector.fromArray(F, w, w0 + k);
            FloatVector aw1 = FloatVector.fromArray(F, w, w1 + k);
            FloatVector ax0 = FloatVector.fromArray(F, x, x0 + k);
            a00 = ax0.fma(aw0, a00);
            a01 = ax0.fma(aw1, a01);
            FloatVector ax1 = FloatVector.fromArray(F, x, x1 + k);
            a10 = ax1.fma(aw0, a10);
            a11 = ax1.fma(aw1, a11);
            if (LANES < WIDTH) {
                FloatVector bw0 = FloatVector.fromArray(F, w, w0 + k + LANES);
                FloatVector bw1 = FloatVector.fromArray(F, w, w1 + k + LANES);
                FloatVector bx0 = FloatVector.fromArray(F, x, x0 + k + LANES);
                b00 = bx0.fma(bw0, b00);
                b01 = bx0.fma(bw1, b01);
                FloatVector bx1 = FloatVector.fromArray(F, x, x1 + k + LANES);
                b10 = bx1.fma(bw0, b10);
                b11 = bx1.fma(bw1, b11);
            }
        }
        y[yAt] = sum(a00, b00);
        y[yAt + yFar] = sum(a01, b01);
        y[yAt + yRow] = sum(a10, b10);
        y[yAt + yRow + yFar] = sum(a11, b11);
    }

    /** Where 16 sums are one vector. */
    private static void fourByTwo(
            int in, float[] x, int x0, int xRow, float[] w, int w0, float[] y, int yAt, int yRow, int yFar) {
        FloatVector a00 = FloatVector.zero(F);
        FloatVector a01 = FloatVector.zero(F);
        FloatVector a10 = FloatVector.zero(F);
        FloatVector a11 = FloatVector.zero(F);
        FloatVector a20 = FloatVector.zero(F);
        FloatVector a21 = FloatVector.zero(F);
        FloatVector a30 = FloatVector.zero(F);
        FloatVector a31 = FloatVector.zero(F);
        int x1 = x0 + xRow;
        int x2 = x1 + xRow;
        int x3 = x2 + xRow;
        int w1 = w0 + in;
        for (int k = 0; k < in; k += WIDTH) {
            FloatVector wa = FloatVector.fromArray(F, w, w0 + k);
            FloatVector wb = FloatVector.fromArray(F, w, w1 + k);
            FloatVector a = FloatVector.fromArray(F, x, x0 + k);
            a00 = a.fma(wa, a00);
            a01 = a.fma(wb, a01);
            a = FloatVector.fromArray(F, x, x1 + k);
            a10 = a.fma(wa, a10);
            a11 = a.fma(wb, a11);
            a = FloatVector.fromArray(F, x, x2 + k);
            a20 = a.fma(wa, a20);
            a21 = a.fma(wb, a21);
            a = FloatVector.fromArray(F, x, x3 + k);
            a30 = a.fma(wa, a30);
            a31 = a.fma(wb, a31);
        }
        y[yAt] = sum(a00, a00);
        y[yAt + yFar] = sum(a01, a01);
        y[yAt + yRow] = sum(a10, a10);
        y[yAt + yRow + yFar] = sum(a11, a11);
        y[yAt + 2 * yRow] = sum(a20, a20);
        y[yAt + 2 * yRow + yFar] = sum(a21, a21);
        y[yAt + 3 * yRow] = sum(a30, a30);
        y[yAt + 3 * yRow + yFar] = sum(a31, a31);
    }
}
