package org.minigpt.internal.tensors;

import java.io.DataInput;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.minigpt.internal.kernels.NativeMemory;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The values of an array as little-endian bytes in row-major order, a piece at a time. They pass as whole numbers of
 * their width, so that every bit survives: those of a NaN and the sign of a zero too.
 */
public final class RawValues {
    private static final int PIECE_BYTES = 1 << 16; // a multiple of every width

    private RawValues() {}

    /** Writes the values of an array of any strides. */
    public static void write(INDArray array, OutputStream out) throws IOException {
        INDArray values = NativeMemory.rowMajor(array);
        int width = values.dataType().width();
        ByteBuffer piece = piece();
        long bytes = values.length() * width;
        for (long offset = 0; offset < bytes; offset += PIECE_BYTES) {
            int count = (int) Math.min(PIECE_BYTES, bytes - offset);
            copy(NativeMemory.bytes(values, offset, count), piece.clear().limit(count), width);
            out.write(piece.array(), 0, count);
        }
        Reference.reachabilityFence(values);
    }

    /** Fills an array, whose values must lie in row-major order without gaps. */
    public static void read(DataInput in, INDArray array) throws IOException {
        if (!NativeMemory.isRowMajor(array)) {
            throw new IllegalArgumentException("the values of the array are not in row-major order");
        }
        int width = array.dataType().width();
        ByteBuffer piece = piece();
        long bytes = array.length() * width;
        for (long offset = 0; offset < bytes; offset += PIECE_BYTES) {
            int count = (int) Math.min(PIECE_BYTES, bytes - offset);
            in.readFully(piece.array(), 0, count);
            copy(piece.clear().limit(count), NativeMemory.bytes(array, offset, count), width);
        }
        Reference.reachabilityFence(array);
    }

    private static ByteBuffer piece() {
        return ByteBuffer.allocate(PIECE_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static void copy(ByteBuffer from, ByteBuffer to, int width) {
        if (width == Long.BYTES) {
            to.asLongBuffer().put(from.asLongBuffer());
        } else {
            to.asIntBuffer().put(from.asIntBuffer());
        }
    }
}
