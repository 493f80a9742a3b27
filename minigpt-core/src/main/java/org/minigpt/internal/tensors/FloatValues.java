package org.minigpt.internal.tensors;

import java.io.DataInput;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Optional;
import org.minigpt.MiniGptException;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.internal.simd.BlockType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The values of FLOAT arrays in files that hold them in another type (F32, F16, BF16 or quantised) or transposed, a piece at a time:
 * an array is copied as a whole only if its entries do not lie in row-major order.
 */
public final class FloatValues {
    private static final int PIECE = 1 << 16; // a multiple of every block

    /** Rows that are turned at a time: as many floats as a few cache lines have. */
    private static final int ROWS = 64;

    private FloatValues() {}

    /** Fills an array with values of a type. */
    public static void read(DataInput in, Dtype from, INDArray target) throws IOException {
        FloatBuffer out = floats(target);
        byte[] bytes = new byte[bytes(from, PIECE)];
        float[] values = new float[PIECE];
        while (out.hasRemaining()) {
            int n = Math.min(PIECE, out.remaining());
            in.readFully(bytes, 0, bytes(from, n));
            decode(from, bytes, values, n);
            out.put(values, 0, n);
        }
        Reference.reachabilityFence(target);
    }

    /** Fills an array [a,b] with the values of a file's tensor [b,a]. */
    public static void readTransposed(DataInput in, Dtype from, INDArray target) throws IOException {
        FloatBuffer out = floats(target);
        int rows = (int) target.size(1);
        int columns = (int) target.size(0);
        int most = Math.max(1, Math.min(ROWS, (1 << 22) / columns));
        byte[] bytes = new byte[bytes(from, most * columns)];
        float[] values = new float[most * columns];
        float[] line = new float[most];
        for (int row = 0; row < rows; row += most) {
            int n = Math.min(most, rows - row);
            in.readFully(bytes, 0, bytes(from, n * columns));
            decode(from, bytes, values, n * columns);
            for (int column = 0; column < columns; column++) {
                for (int i = 0; i < n; i++) {
                    line[i] = values[i * columns + column];
                }
                out.put(column * rows + row, line, 0, n);
            }
        }
        Reference.reachabilityFence(target);
    }

    /** Writes the values of an array in a type. */
    public static void write(INDArray array, Dtype to, OutputStream out) throws IOException {
        INDArray source = NativeMemory.rowMajor(array);
        FloatBuffer in = floats(source);
        float[] values = new float[PIECE];
        byte[] bytes = new byte[bytes(to, PIECE)];
        while (in.hasRemaining()) {
            int n = Math.min(PIECE, in.remaining());
            in.get(values, 0, n);
            encode(to, values, bytes, n);
            out.write(bytes, 0, bytes(to, n));
        }
        Reference.reachabilityFence(source);
    }

    /** Writes the values of an array [a,b] as those of a tensor [b,a]. */
    public static void writeTransposed(INDArray array, Dtype to, OutputStream out) throws IOException {
        INDArray source = NativeMemory.rowMajor(array);
        FloatBuffer in = floats(source);
        int rows = (int) array.size(1);
        int columns = (int) array.size(0);
        int most = Math.max(1, Math.min(ROWS, (1 << 22) / columns));
        float[] line = new float[most];
        float[] values = new float[most * columns];
        byte[] bytes = new byte[bytes(to, most * columns)];
        for (int row = 0; row < rows; row += most) {
            int n = Math.min(most, rows - row);
            for (int column = 0; column < columns; column++) {
                in.get(column * rows + row, line, 0, n);
                for (int i = 0; i < n; i++) {
                    values[i * columns + column] = line[i];
                }
            }
            encode(to, values, bytes, n * columns);
            out.write(bytes, 0, bytes(to, n * columns));
        }
        Reference.reachabilityFence(source);
    }

    private static FloatBuffer floats(INDArray array) {
        long bytes = array.length() * Float.BYTES;
        if (bytes > Integer.MAX_VALUE) {
            throw new MiniGptException("a tensor has " + bytes
                    + " bytes, but in this format MiniGPT takes 2 GiB at most; use safetensors in F32");
        }
        return NativeMemory.bytes(array, 0, (int) bytes).asFloatBuffer();
    }

    private static int bytes(Dtype type, int values) {
        return Math.toIntExact((long) values / type.blockSize() * type.bytes());
    }

    private static void decode(Dtype from, byte[] bytes, float[] values, int n) {
        ByteBuffer raw = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        Optional<BlockType> blocks = from.blocks();
        if (from == Dtype.F32) {
            raw.asFloatBuffer().get(values, 0, n);
        } else if (blocks.isPresent()) {
            blocks.get().decode(raw, 0, n, values, 0);
        } else {
            for (int i = 0; i < n; i += from.blockSize()) {
                GgmlBlocks.decode(from, raw, i / from.blockSize() * from.bytes(), values, i);
            }
        }
    }

    private static void encode(Dtype to, float[] values, byte[] bytes, int n) {
        if (to == Dtype.F32) {
            ByteBuffer.wrap(bytes)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .asFloatBuffer()
                    .put(values, 0, n);
        } else {
            to.blocks().orElseThrow().encode(values, 0, n, bytes, 0);
        }
    }
}
