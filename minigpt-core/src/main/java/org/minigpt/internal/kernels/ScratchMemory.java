package org.minigpt.internal.kernels;

import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;

/**
 * The native memory that kernels take for themselves, from {@link Floats#allocate}, while this is open in their thread:
 * freed by {@link #deallocate} at a known moment, where the garbage collector, which sees nothing of its size, would
 * wait.
 */
public final class ScratchMemory extends PointerScope {
    /** Tells it from pointers of ND4J's own, which are not to be freed here. */
    static final class Memory extends FloatPointer {
        Memory(long length) {
            super(length);
        }
    }

    private long bytes;

    /** Opens it. */
    @SuppressWarnings({"unchecked", "varargs"}) // an array of classes
    public ScratchMemory() {
        super(Memory.class);
    }

    @Override
    public PointerScope attach(Pointer pointer) {
        super.attach(pointer);
        bytes += pointer.capacity() * Float.BYTES;
        return this;
    }

    /** Ends the taking; what has been taken stays until {@link #deallocate}. */
    @Override
    public void close() {
        extend();
        super.close();
    }

    @Override
    public void deallocate() {
        super.deallocate();
        bytes = 0;
    }

    /** @return what has been taken and not freed */
    public long bytes() {
        return bytes;
    }
}
