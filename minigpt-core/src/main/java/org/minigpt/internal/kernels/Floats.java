package org.minigpt.internal.kernels;

import java.nio.FloatBuffer;
import org.bytedeco.javacpp.FloatPointer;
import org.minigpt.internal.simd.NativeBytes;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Floats in native memory, seen in the two ways that kernels need: as a pointer for BLAS, and as a buffer from which
 * tiles are copied to a {@code float[]} and back. Loops run on the heap tiles because the JIT vectorises those, and a
 * bulk copy within the cache costs far less than element-wise access to native memory. For use by one thread.
 */
public final class Floats {
    private final FloatPointer pointer;
    private final FloatBuffer buffer;

    /** Whose collection would free the memory. */
    private final Object owner;

    private Floats(FloatPointer pointer, Object owner) {
        this.pointer = pointer;
        this.buffer = NativeMemory.buffer(pointer);
        this.owner = owner;
    }

    /**
     * The memory of an ND4J array.
     *
     * @param array of type FLOAT; at most 2^29 entries
     * @throws org.minigpt.MiniGptException if they do not lie row by row without gaps
     */
    public static Floats of(INDArray array) {
        return new Floats(NativeMemory.floats(array), array);
    }

    /**
     * @return new native memory, not cleared, that is freed with the open {@link ScratchMemory}, or once it is
     *     unreachable
     */
    public static Floats allocate(int length) {
        FloatPointer memory = new ScratchMemory.Memory(length);
        return new Floats(memory, memory);
    }

    /** @return a second view with a pointer of its own, for an array that is two operands of one product */
    public Floats alias() {
        return new Floats(new FloatPointer(pointer).position(0), owner);
    }

    /** @return how many there are */
    public int length() {
        return buffer.capacity();
    }

    /** @return the pointer, moved to element {@code offset}: one object, so the next call moves it again */
    FloatPointer at(long offset) {
        return pointer.position(offset);
    }

    /** @return the memory, of which this object must be kept as long as it is used; at most 2^31 - 1 bytes */
    NativeBytes nativeBytes() {
        return NativeBytes.of(NativeMemory.bytes(pointer));
    }

    /** Copies {@code count} floats from {@code offset} on to {@code tile[start..]}. */
    public void read(int offset, float[] tile, int start, int count) {
        buffer.get(offset, tile, start, count);
    }

    /** Copies {@code count} floats of {@code tile[start..]} to {@code offset}. */
    public void write(int offset, float[] tile, int start, int count) {
        buffer.put(offset, tile, start, count);
    }

    /** @return the float at {@code offset} */
    public float get(int offset) {
        return buffer.get(offset);
    }

    /** Sets the float at {@code offset}. */
    public void put(int offset, float value) {
        buffer.put(offset, value);
    }
}
