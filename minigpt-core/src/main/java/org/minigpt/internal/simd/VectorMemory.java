package org.minigpt.internal.simd;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Vectors of native memory. The Vector API of Java 17 and 18 reads it by {@code FloatVector.fromByteBuffer}, that of all
 * later ones by {@code fromMemorySegment}. Neither has both, so they are called by method handles, which the JIT takes for
 * the calls themselves because they are constant.
 */
final class VectorMemory {
    private VectorMemory() {}

    /** @return ({@link NativeBytes#memory}, int byte) to the vector that begins there */
    static MethodHandle loads(VectorSpecies<Float> species) {
        Class<?> segment = NativeBytes.SEGMENT;
        MethodType type = MethodType.methodType(
                FloatVector.class,
                VectorSpecies.class,
                segment == null ? ByteBuffer.class : segment,
                segment == null ? int.class : long.class,
                ByteOrder.class);
        try {
            MethodHandle load = MethodHandles.publicLookup()
                    .findStatic(FloatVector.class, segment == null ? "fromByteBuffer" : "fromMemorySegment", type);
            load = MethodHandles.insertArguments(load, 3, ByteOrder.nativeOrder());
            return MethodHandles.insertArguments(load, 0, species)
                    .asType(MethodType.methodType(FloatVector.class, Object.class, int.class));
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("a Vector API that does not read native memory", e);
        }
    }

    /** The handles declare no exceptions. */
    static RuntimeException unexpected(Throwable e) {
        if (e instanceof Error error) {
            throw error;
        }
        return e instanceof RuntimeException runtime ? runtime : new IllegalStateException(e);
    }
}
