package org.minigpt.internal.simd;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;

/**
 * A matrix in native memory, as {@link RowProducts} read it: by bulk copies, and by vectors.
 *
 * @param bytes in this machine's byte order
 * @param floats the same
 * @param memory what vectors are loaded from: a {@code MemorySegment} where the Vector API takes those, else the bytes
 */
public record NativeBytes(ByteBuffer bytes, FloatBuffer floats, Object memory) {
    /** The class of the segments; null before Java 19. */
    static final Class<?> SEGMENT = segmentOrNull();

    private static final MethodHandle OF_BUFFER = ofBufferOrNull();

    /** @param bytes at most 2^31 - 1, whose owner must be kept as long as this is used */
    public static NativeBytes of(ByteBuffer bytes) {
        ByteBuffer ordered = bytes.order(ByteOrder.nativeOrder());
        return new NativeBytes(ordered, ordered.asFloatBuffer(), memory(ordered));
    }

    private static Class<?> segmentOrNull() {
        try {
            return Class.forName("java.lang.foreign.MemorySegment");
        } catch (ClassNotFoundException e) {
            return null;
        }
    }

    private static MethodHandle ofBufferOrNull() {
        try {
            return SEGMENT == null
                    ? null
                    : MethodHandles.publicLookup()
                            .findStatic(SEGMENT, "ofBuffer", MethodType.methodType(SEGMENT, Buffer.class));
        } catch (ReflectiveOperationException e) {
            return null; // nor does the Vector API find what it needs then
        }
    }

    private static Object memory(ByteBuffer bytes) {
        if (OF_BUFFER == null) {
            return bytes;
        }
        try {
            return OF_BUFFER.invoke(bytes);
        } catch (Throwable e) {
            throw new IllegalStateException(e); // it declares no exception
        }
    }
}
