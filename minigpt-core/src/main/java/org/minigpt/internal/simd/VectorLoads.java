package org.minigpt.internal.simd;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jdk.incubator.vector.Vector;
import jdk.incubator.vector.VectorSpecies;

/**
 * How vectors are read from native memory. The Vector API of Java 17 and 18 does it by {@code fromByteBuffer}, that of all
 * later ones by {@code fromMemorySegment}. Neither has both, so they are called by a method handle, which the JIT takes for
 * the call itself where it is constant.
 */
final class VectorLoads {
    private static final Class<?> SEGMENT = segmentOrNull();

    private VectorLoads() {}

    /**
     * Native memory.
     *
     * @param bytes for single values
     * @param vectors what the handles of {@link #loads} read
     */
    record Memory(ByteBuffer bytes, Object vectors) {}

    private static Class<?> segmentOrNull() {
        try {
            return Class.forName("java.lang.foreign.MemorySegment");
        } catch (ClassNotFoundException e) {
            return null;
        }
    }

    /** @return (Object memory, int byte) to the vector of that class that begins there, little-endian */
    static MethodHandle loads(Class<? extends Vector<?>> vector, VectorSpecies<?> species) {
        boolean buffers = SEGMENT == null;
        MethodType type = MethodType.methodType(
                vector,
                VectorSpecies.class,
                buffers ? ByteBuffer.class : SEGMENT,
                buffers ? int.class : long.class,
                ByteOrder.class);
        try {
            MethodHandle load = MethodHandles.publicLookup()
                    .findStatic(vector, buffers ? "fromByteBuffer" : "fromMemorySegment", type);
            load = MethodHandles.insertArguments(load, 3, ByteOrder.LITTLE_ENDIAN);
            return MethodHandles.insertArguments(load, 0, species)
                    .asType(MethodType.methodType(vector, Object.class, int.class));
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("a Vector API that does not read native memory", e);
        }
    }

    /** @return what the handles of {@link #loads} read */
    static Object memory(ByteBuffer bytes) {
        if (SEGMENT == null) {
            return bytes;
        }
        try {
            return MethodHandles.publicLookup()
                    .findStatic(SEGMENT, "ofBuffer", MethodType.methodType(SEGMENT, Buffer.class))
                    .invoke(bytes);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** None of the methods declares an exception. */
    static RuntimeException unexpected(Throwable e) {
        if (e instanceof Error error) {
            throw error;
        }
        return e instanceof RuntimeException runtime ? runtime : new IllegalStateException(e);
    }
}
