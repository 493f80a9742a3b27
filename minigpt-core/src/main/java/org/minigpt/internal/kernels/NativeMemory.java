package org.minigpt.internal.kernels;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.Objects;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.minigpt.MiniGptException;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The memory of an ND4J array, and the one place that copies into or out of memory that is not the heap's. A native
 * copy that goes beyond an array does not throw but ends the process, maybe later and elsewhere, and ND4J's {@code
 * assign} is one: it compares no lengths. So every copy here checks that both sides have what it moves, and no other
 * class makes any.
 *
 * <p>Offsets and counts are in entries of the array's type. For use by one thread.
 */
public final class NativeMemory {
    private final Pointer pointer; // of the array's type where that can be read, else of bytes
    private final DataType type;
    private final long length;

    /** Whose collection would free the memory. */
    private final INDArray owner;

    private NativeMemory(INDArray array) {
        requireOpen(array);
        if (!isRowMajor(array)) {
            throw new MiniGptException("an array " + Arrays.toString(array.shape())
                    + " whose entries do not lie one after the other in row order can't be read as if they did; pass"
                    + " array.dup('c')");
        }
        this.owner = array;
        this.type = array.dataType();
        this.length = array.length();
        // Unlike pointer(), addressPointer() begins where the array does, if it is a view of a larger one.
        this.pointer = typed(array.data().addressPointer(), type);
    }

    private static Pointer typed(Pointer address, DataType type) {
        return switch (type) {
            case FLOAT -> new FloatPointer(address);
            case DOUBLE -> new DoublePointer(address);
            case INT -> new IntPointer(address);
            case LONG -> new LongPointer(address);
            default -> new BytePointer(address);
        };
    }

    /**
     * The memory of an array.
     *
     * @param array packed in row order, of any type
     * @throws MiniGptException if it is not packed so, or has been closed
     */
    public static NativeMemory of(INDArray array) {
        return new NativeMemory(array);
    }

    /** @return whether the entries lie packed in c order, as kernels need them */
    public static boolean isRowMajor(INDArray array) {
        if (array.isScalar() || array.isEmpty()) {
            return true;
        }
        long expected = 1;
        for (int axis = array.rank() - 1; axis >= 0; axis--) {
            if (array.size(axis) != 1 && array.stride(axis) != expected) {
                return false;
            }
            expected *= array.size(axis);
        }
        return true;
    }

    /**
     * @return the array itself if its entries lie {@linkplain #isRowMajor packed in c order}, else a copy that has them
     *     so
     */
    public static INDArray rowMajor(INDArray array) {
        return isRowMajor(array) ? array : array.dup('c');
    }

    /**
     * target = source, as ND4J's {@code assign}, which casts and takes arrays of any strides.
     *
     * @throws MiniGptException if the shapes differ, or an array has been closed
     */
    public static void copy(INDArray source, INDArray target) {
        if (!Arrays.equals(source.shape(), target.shape())) {
            throw new MiniGptException("an array " + Arrays.toString(source.shape()) + " can't be copied to one of "
                    + Arrays.toString(target.shape()) + "; pass one of that shape");
        }
        if (source.isEmpty()) {
            return;
        }
        requireOpen(source);
        requireOpen(target);
        if (source.dataType() == target.dataType() && isRowMajor(source) && isRowMajor(target)) {
            of(source).copyTo(0, of(target), 0, source.length());
        } else {
            target.assign(source);
        }
    }

    /** Copies {@code count} entries from {@code at} on to {@code target}, which has the same type. */
    public void copyTo(long at, NativeMemory target, long targetAt, long count) {
        if (target.type != type) {
            throw new MiniGptException(
                    "entries of type " + type + " can't be copied to an array of " + target.type + "; cast them first");
        }
        require(at, count);
        target.require(targetAt, count);
        long width = type.width();
        Pointer.memcpy(target.bytes(targetAt * width), bytes(at * width), count * width);
    }

    private Pointer bytes(long at) {
        return new BytePointer(pointer.position(0)).position(at);
    }

    /** Copies {@code count} values of type INT from {@code at} on to {@code target[start..]}. */
    public void read(long at, int[] target, int start, int count) {
        Objects.checkFromIndexSize(start, count, target.length);
        ((IntPointer) at(DataType.INT32, at, count)).get(target, start, count);
    }

    /** Copies {@code count} values of type LONG from {@code at} on to {@code target[start..]}. */
    public void read(long at, long[] target, int start, int count) {
        Objects.checkFromIndexSize(start, count, target.length);
        ((LongPointer) at(DataType.INT64, at, count)).get(target, start, count);
    }

    /** Copies {@code count} values of type FLOAT from {@code at} on to {@code target[start..]}. */
    public void read(long at, float[] target, int start, int count) {
        Objects.checkFromIndexSize(start, count, target.length);
        ((FloatPointer) at(DataType.FLOAT, at, count)).get(target, start, count);
    }

    /** Copies {@code count} values of type DOUBLE from {@code at} on to {@code target[start..]}. */
    public void read(long at, double[] target, int start, int count) {
        Objects.checkFromIndexSize(start, count, target.length);
        ((DoublePointer) at(DataType.DOUBLE, at, count)).get(target, start, count);
    }

    /** Copies all of {@code values} to {@code at}, in an array of type INT. */
    public void write(long at, int... values) {
        ((IntPointer) at(DataType.INT32, at, values.length)).put(values, 0, values.length);
    }

    /** Copies all of {@code values} to {@code at}, in an array of type FLOAT. */
    public void write(long at, float... values) {
        ((FloatPointer) at(DataType.FLOAT, at, values.length)).put(values, 0, values.length);
    }

    /** Copies all of {@code values} to {@code at}, in an array of type DOUBLE. */
    public void write(long at, double... values) {
        ((DoublePointer) at(DataType.DOUBLE, at, values.length)).put(values, 0, values.length);
    }

    private Pointer at(DataType expected, long at, long count) {
        if (type != expected) {
            throw new MiniGptException("an array of " + type + " does not hold values of type " + expected);
        }
        require(at, count);
        return pointer.position(at);
    }

    private void require(long at, long count) {
        if (owner.wasClosed()) {
            requireOpen(owner);
        }
        if (at < 0 || count < 0 || at > length - count) {
            throw new MiniGptException(count + " entries from " + at + " on are to be copied, but the array "
                    + Arrays.toString(owner.shape()) + " has " + length + "; pass arrays that fit each other");
        }
    }

    private static void requireOpen(INDArray array) {
        if (array.wasClosed()) {
            throw new MiniGptException("the memory of an array " + Arrays.toString(array.shape())
                    + " has been given back by close(), its own or its model's; make or load it anew");
        }
    }

    /**
     * The memory in this machine's byte order, of which the array must be kept as long as it is used.
     *
     * @param offset in bytes
     * @param count in bytes
     */
    public static ByteBuffer bytes(INDArray array, long offset, int count) {
        NativeMemory memory = of(array);
        long width = memory.type.width();
        if (offset < 0 || count < 0 || offset > memory.length * width - count) {
            throw new MiniGptException(count + " bytes from " + offset + " on are asked for, but the array "
                    + Arrays.toString(array.shape()) + " has " + memory.length * width);
        }
        return new BytePointer(memory.pointer)
                .capacity(offset + count)
                .limit(offset + count)
                .position(offset)
                .asByteBuffer();
    }

    /** @return the memory of an array of type FLOAT, from 0 to its length */
    static FloatPointer floats(INDArray array) {
        NativeMemory memory = of(array);
        return (FloatPointer) memory.at(DataType.FLOAT, 0, memory.length)
                .capacity(memory.length)
                .limit(memory.length);
    }

    /** @return a buffer of all that the pointer has, which checks what is copied by itself */
    static FloatBuffer buffer(FloatPointer pointer) {
        return pointer.asBuffer();
    }

    /** @return {@link #buffer} as bytes; at most 2^31 - 1 of them */
    static ByteBuffer bytes(FloatPointer pointer) {
        return new BytePointer(pointer)
                .position(0)
                .capacity(Math.multiplyExact(pointer.capacity(), Float.BYTES))
                .asByteBuffer();
    }

    /** Checks that the pointer has {@code rows} of {@code columns} floats, {@code stride} apart, where it stands. */
    static void requireMatrix(FloatPointer pointer, long rows, long columns, long stride) {
        long needed = (rows - 1) * stride + columns;
        if (needed > pointer.limit() - pointer.position()) {
            throw new MiniGptException("a product needs a matrix of " + rows + " rows of " + columns + " floats, "
                    + stride + " apart, but " + (pointer.limit() - pointer.position()) + " floats are there");
        }
    }
}
