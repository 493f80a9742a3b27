package org.minigpt.internal.simd;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link Products} by vectors of 8 floats, of which a panel has two, whatever the machine's are. Indices run with constant
 * strides, since the JIT leaves out their checks only then.
 *
 * <p>The Vector API of Java 17 and 18 reads native memory by {@code FloatVector.fromByteBuffer}, that of all later ones by
 * {@code fromMemorySegment}. Neither has both, so they are called by a method handle, which the JIT takes for the call itself
 * because it is constant.
 */
abstract class Vector8Products extends PlainProducts {
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_256;
    private static final int LANES = 8;
    private static final int VECTOR = LANES * Float.BYTES;
    private static final int STEP = WIDTH * Float.BYTES;

    /** Rotations by half, a quarter and an eighth of the lanes. */
    private static final VectorShuffle<Float> ROTATE_4 = rotation(4);

    private static final VectorShuffle<Float> ROTATE_2 = rotation(2);
    private static final VectorShuffle<Float> ROTATE_1 = rotation(1);

    /** (Object memory, int byte) to the vector that begins there. */
    private static final MethodHandle LOAD;

    /** (ByteBuffer) to what {@link #LOAD} reads. */
    private static final MethodHandle MEMORY;

    static {
        MethodHandles.Lookup lookup = MethodHandles.publicLookup();
        try {
            Class<?> segment = segmentOrNull();
            MethodHandle load = segment == null
                    ? lookup.findStatic(FloatVector.class, "fromByteBuffer", loading(ByteBuffer.class, int.class))
                    : lookup.findStatic(FloatVector.class, "fromMemorySegment", loading(segment, long.class));
            load = MethodHandles.insertArguments(load, 3, ByteOrder.nativeOrder());
            LOAD = MethodHandles.insertArguments(load, 0, F)
                    .asType(MethodType.methodType(FloatVector.class, Object.class, int.class));
            MethodHandle memory = segment == null
                    ? MethodHandles.identity(ByteBuffer.class)
                    : lookup.findStatic(segment, "ofBuffer", MethodType.methodType(segment, Buffer.class));
            MEMORY = memory.asType(MethodType.methodType(Object.class, ByteBuffer.class));
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("a Vector API that does not read native memory", e);
        }
    }

    private static VectorShuffle<Float> rotation(int by) {
        return VectorShuffle.iota(F, by, 1, true);
    }

    private static Class<?> segmentOrNull() {
        try {
            return Class.forName("java.lang.foreign.MemorySegment");
        } catch (ClassNotFoundException e) {
            return null;
        }
    }

    private static MethodType loading(Class<?> memory, Class<?> offset) {
        return MethodType.methodType(FloatVector.class, VectorSpecies.class, memory, offset, ByteOrder.class);
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
    public void panelRow(
            int terms, int panels, float[] x, int xAt, float[] w, int wAt, int stride, float[] out, int outAt) {
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

    @Override
    public Object memory(ByteBuffer bytes) {
        try {
            return (Object) MEMORY.invokeExact(bytes);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    private static FloatVector load(Object memory, int at) {
        try {
            return (FloatVector) LOAD.invokeExact(memory, at);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** Neither method declares an exception. */
    private static RuntimeException unexpected(Throwable e) {
        if (e instanceof Error error) {
            throw error;
        }
        return e instanceof RuntimeException runtime ? runtime : new IllegalStateException(e);
    }

    @Override
    public void addRowTimes(int terms, int n, float[] x, Object w, int wAt, float[] out) {
        int quarter = terms / ROWS;
        int stride = quarter * n * Float.BYTES;
        for (int k = 0; k < quarter; k++) {
            addFour(n, x, k, quarter, w, (wAt + k * n) * Float.BYTES, stride, out);
        }
    }

    private static void addFour(int n, float[] x, int xAt, int xStride, Object w, int w0, int stride, float[] out) {
        FloatVector x0 = FloatVector.broadcast(F, x[xAt]);
        FloatVector x1 = FloatVector.broadcast(F, x[xAt + xStride]);
        FloatVector x2 = FloatVector.broadcast(F, x[xAt + 2 * xStride]);
        FloatVector x3 = FloatVector.broadcast(F, x[xAt + 3 * xStride]);
        int w1 = w0 + stride;
        int w2 = w1 + stride;
        int w3 = w2 + stride;
        for (int j = 0; j < n / WIDTH; j++) {
            FloatVector a = FloatVector.fromArray(F, out, j * WIDTH);
            FloatVector b = FloatVector.fromArray(F, out, j * WIDTH + LANES);
            a = x0.fma(load(w, w0 + j * STEP), a);
            b = x0.fma(load(w, w0 + j * STEP + VECTOR), b);
            a = x1.fma(load(w, w1 + j * STEP), a);
            b = x1.fma(load(w, w1 + j * STEP + VECTOR), b);
            a = x2.fma(load(w, w2 + j * STEP), a);
            b = x2.fma(load(w, w2 + j * STEP + VECTOR), b);
            a = x3.fma(load(w, w3 + j * STEP), a);
            b = x3.fma(load(w, w3 + j * STEP + VECTOR), b);
            a.intoArray(out, j * WIDTH);
            b.intoArray(out, j * WIDTH + LANES);
        }
    }

    @Override
    public void timesRow(int terms, int n, float[] x, Object w, int wAt, float[] out) {
        int quarter = n / ROWS;
        int row = terms * Float.BYTES;
        for (int j = 0; j < quarter; j++) {
            fourDots(terms, x, w, wAt * Float.BYTES + j * row, quarter * row, out, j, quarter);
        }
        if (n % ROWS > 0) {
            // What is left over, and some again.
            int last = n - ROWS;
            fourDots(terms, x, w, wAt * Float.BYTES + last * row, row, out, last, 1);
        }
    }

    private static void fourDots(
            int terms, float[] x, Object w, int w0, int stride, float[] out, int outAt, int outStride) {
        FloatVector a0 = FloatVector.zero(F);
        FloatVector a1 = FloatVector.zero(F);
        FloatVector a2 = FloatVector.zero(F);
        FloatVector a3 = FloatVector.zero(F);
        FloatVector b0 = FloatVector.zero(F);
        FloatVector b1 = FloatVector.zero(F);
        FloatVector b2 = FloatVector.zero(F);
        FloatVector b3 = FloatVector.zero(F);
        int w1 = w0 + stride;
        int w2 = w1 + stride;
        int w3 = w2 + stride;
        for (int k = 0; k < terms / WIDTH; k++) {
            FloatVector a = FloatVector.fromArray(F, x, k * WIDTH);
            FloatVector b = FloatVector.fromArray(F, x, k * WIDTH + LANES);
            a0 = a.fma(load(w, w0 + k * STEP), a0);
            b0 = b.fma(load(w, w0 + k * STEP + VECTOR), b0);
            a1 = a.fma(load(w, w1 + k * STEP), a1);
            b1 = b.fma(load(w, w1 + k * STEP + VECTOR), b1);
            a2 = a.fma(load(w, w2 + k * STEP), a2);
            b2 = b.fma(load(w, w2 + k * STEP + VECTOR), b2);
            a3 = a.fma(load(w, w3 + k * STEP), a3);
            b3 = b.fma(load(w, w3 + k * STEP + VECTOR), b3);
        }
        out[outAt] = sum(a0.add(b0));
        out[outAt + outStride] = sum(a1.add(b1));
        out[outAt + 2 * outStride] = sum(a2.add(b2));
        out[outAt + 3 * outStride] = sum(a3.add(b3));
    }

    /** @return the sum of the lanes, by halves */
    private static float sum(FloatVector v) {
        v = v.add(v.rearrange(ROTATE_4));
        v = v.add(v.rearrange(ROTATE_2));
        return v.add(v.rearrange(ROTATE_1)).lane(0);
    }
}
