package org.minigpt.data;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Field;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.util.Optional;

/**
 * Ends a mapping at once. Java 17 has no public way to: a mapping ends when its buffer is collected as garbage, which
 * nothing hurries, for the buffer itself is small. {@code Unsafe.invokeCleaner} is in every JDK from 9 to 25.
 */
final class Unmapping {
    private static final Optional<MethodHandle> INVOKE_CLEANER = invokeCleaner();

    private Unmapping() {}

    private static Optional<MethodHandle> invokeCleaner() {
        try {
            // By reflection, since javac warns of the class in a way that nothing turns off.
            Class<?> unsafe = Class.forName("sun.misc.Unsafe");
            Field instance = unsafe.getDeclaredField("theUnsafe");
            instance.setAccessible(true);
            return Optional.of(MethodHandles.lookup()
                    .findVirtual(unsafe, "invokeCleaner", MethodType.methodType(void.class, ByteBuffer.class))
                    .bindTo(instance.get(null)));
        } catch (ReflectiveOperationException | RuntimeException e) {
            return Optional.empty();
        }
    }

    /** @param buffer must never be used again, by any thread: that would crash the JVM */
    static void unmap(MappedByteBuffer buffer) {
        if (INVOKE_CLEANER.isPresent()) {
            try {
                INVOKE_CLEANER.get().invoke((ByteBuffer) buffer);
            } catch (Throwable e) {
                throw new IllegalStateException(e);
            }
        } // else the garbage collector will do it
    }
}
