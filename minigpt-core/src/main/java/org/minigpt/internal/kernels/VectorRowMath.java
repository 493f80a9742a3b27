package org.minigpt.internal.kernels;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link RowMath} with the Vector API, for vectors of 8 floats: see {@link VectorMath}, which alone makes it.
 *
 * <p>The Vector API of Java 17 and 18 reads native memory by {@code FloatVector.fromByteBuffer}, that of all later ones by
 * {@code fromMemorySegment}. Neither has both, so they are called by a method handle, which the JIT takes for the call itself
 * because it is constant.
 */
final class VectorRowMath implements RowMath {
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_256;
    private static final int LANES = VectorPanelMath.LANES;
    private static final int VECTOR = LANES * Float.BYTES;
    private static final int STEP = WIDTH * Float.BYTES;

    /** (Object memory, int byte) to the vector that begins there; null if this JVM has neither method. */
    private static final MethodHandle LOAD;

    /** (ByteBuffer) to what {@link #LOAD} reads. */
    private static final MethodHandle MEMORY;

    static {
        MethodHandle load = null;
        MethodHandle memory = null;
        MethodHandles.Lookup lookup = MethodHandles.publicLookup();
        try {
            Class<?> segment = segmentOrNull();
            if (segment == null) {
                load = lookup.findStatic(FloatVector.class, "fromByteBuffer", loading(ByteBuffer.class, int.class));
                memory = MethodHandles.identity(ByteBuffer.class);
            } else {
                load = lookup.findStatic(FloatVector.class, "fromMemorySegment", loading(segment, long.class));
                memory = lookup.findStatic(segment, "ofBuffer", MethodType.methodType(segment, Buffer.class));
            }
            load = MethodHandles.insertArguments(load, 3, ByteOrder.nativeOrder());
            load = MethodHandles.insertArguments(load, 0, F)
                    .asType(MethodType.methodType(FloatVector.class, Object.class, int.class));
            memory = memory.asType(MethodType.methodType(Object.class, ByteBuffer.class));
        } catch (ReflectiveOperationException e) {
            load = null;
        }
        LOAD = load;
        MEMORY = memory;
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

    /** @return whether this JVM's Vector API can read native memory */
    static boolean available() {
        return LOAD != null;
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
    public void add(int terms, int n, float[] x, Object w, int wAt, float[] out) {
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
    public void dots(int terms, int n, float[] x, Object w, int wAt, float[] out) {
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
        out[outAt] = VectorMath.sum(a0.add(b0));
        out[outAt + outStride] = VectorMath.sum(a1.add(b1));
        out[outAt + 2 * outStride] = VectorMath.sum(a2.add(b2));
        out[outAt + 3 * outStride] = VectorMath.sum(a3.add(b3));
    }
}
