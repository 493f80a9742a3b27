package org.minigpt.io;

import java.io.DataInput;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.bytedeco.javacpp.BytePointer;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The values of an array as little-endian bytes in row-major order, a piece at a time. They pass as whole numbers of
 * their width, so that every bit survives: those of a NaN and the sign of a zero too.
 */
final class RawValues {
    private static final int PIECE_BYTES = 1 << 16; // a multiple of every width

    private RawValues() {}

    /** Writes the values of an array of any strides. */
    static void write(INDArray array, OutputStream out) throws IOException {
        INDArray values = isRowMajor(array) ? array : array.dup('c');
        int width = values.dataType().width();
        ByteBuffer piece = piece();
        long bytes = values.length() * width;
        for (long offset = 0; offset < bytes; offset += PIECE_BYTES) {
            int count = (int) Math.min(PIECE_BYTES, bytes - offset);
            copy(memory(values, offset, count), piece.clear().limit(count), width);
            out.write(piece.array(), 0, count);
        }
        Reference.reachabilityFence(values);
    }

    /** Fills an array, whose values must lie in row-major order without gaps. */
    static void read(DataInput in, INDArray array) throws IOException {
        if (!isRowMajor(array)) {
            throw new IllegalArgumentException("the values of the array are not in row-major order");
        }
        int width = array.dataType().width();
        ByteBuffer piece = piece();
        long bytes = array.length() * width;
        for (long offset = 0; offset < bytes; offset += PIECE_BYTES) {
            int count = (int) Math.min(PIECE_BYTES, bytes - offset);
            in.readFully(piece.array(), 0, count);
            copy(piece.clear().limit(count), memory(array, offset, count), width);
        }
        Reference.reachabilityFence(array);
    }

    private static ByteBuffer piece() {
        return ByteBuffer.allocate(PIECE_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** The array's own memory, in this machine's byte order. */
    static ByteBuffer memory(INDArray array, long offset, int count) {
        // Unlike pointer(), addressPointer() begins where the array does, if it is a view of a larger one.
        BytePointer start = new BytePointer(array.data().addressPointer());
        return start.capacity(offset + count)
                .limit(offset + count)
                .position(offset)
                .asByteBuffer();
    }

    private static void copy(ByteBuffer from, ByteBuffer to, int width) {
        if (width == Long.BYTES) {
            to.asLongBuffer().put(from.asLongBuffer());
        } else {
            to.asIntBuffer().put(from.asIntBuffer());
        }
    }

    private static boolean isRowMajor(INDArray array) {
        if (array.length() == 0) {
            return true; // its strides are 0
        }
        long stride = 1;
        for (int axis = array.rank() - 1; axis >= 0; axis--) {
            if (array.size(axis) > 1 && array.stride(axis) != stride) {
                return false;
            }
            stride *= array.size(axis);
        }
        return true;
    }
}
