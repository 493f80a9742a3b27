package org.minigpt.internal.kernels;

import java.nio.ByteBuffer;
import java.util.Arrays;
import org.minigpt.MiniGptException;
import org.minigpt.internal.simd.BlockProducts;
import org.minigpt.internal.simd.BlockType;
import org.minigpt.internal.simd.Simd;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * A matrix [rows,columns] of weights in blocks, as they lie in GGUF files, in an array of whole numbers: UINT8
 * [rows,columns/32,34] is Q8_0, [rows,columns/32,18] Q4_0; INT16 [rows,columns] holds the bits of F16 and UINT16 those of
 * BF16. ND4J's own types of half precision it is not, since ops could take such an array for one to compute in.
 */
public final class BlockMatrix {
    /** Rows that are turned at a time: as many floats as a few cache lines have. */
    private static final int TURNED = 64;

    private final Object owner; // whose collection would free the memory
    private final BlockType type;
    private final int rows;
    private final int columns;
    private final ByteBuffer memory;

    /** @param array of at most 2^31 - 1 bytes */
    public BlockMatrix(INDArray array) {
        this.owner = array;
        this.type = type(array);
        this.rows = (int) array.size(0);
        this.columns = (int) columns(array);
        long bytes = type.bytes((long) rows * columns);
        if (bytes > Integer.MAX_VALUE) {
            throw new MiniGptException("a matrix [" + rows + ", " + columns + "] has " + bytes + " bytes in " + type
                    + ", but 2^31 - 1 are the most; choose a narrower type");
        }
        this.memory = NativeMemory.bytes(array, 0, (int) bytes);
    }

    /** @return whether an array is one */
    public static boolean is(INDArray array) {
        return !array.dataType().isFPType() && array.rank() >= 2;
    }

    private static BlockType type(INDArray array) {
        DataType type = array.dataType();
        if (array.rank() == 2 && type == DataType.INT16) {
            return BlockType.F16;
        }
        if (array.rank() == 2 && type == DataType.UINT16) {
            return BlockType.BF16;
        }
        if (array.rank() == 3 && type == DataType.UINT8) {
            for (BlockType quantised : new BlockType[] {BlockType.Q8_0, BlockType.Q4_0}) {
                if (array.size(2) == quantised.bytes()) {
                    return quantised;
                }
            }
        }
        throw new MiniGptException("an array of " + type + " " + Arrays.toString(array.shape())
                + " holds no weights; pass what BlockMatrix.allocate makes");
    }

    /** @return how many a row of the matrix has, whose array is another shape */
    public static long columns(INDArray array) {
        return array.size(1) * type(array).size();
    }

    /** @return the array of a matrix, its values not set */
    public static INDArray allocate(BlockType type, long rows, long columns) {
        return switch (type) {
            case F16 -> Nd4j.createUninitialized(DataType.INT16, rows, columns);
            case BF16 -> Nd4j.createUninitialized(DataType.UINT16, rows, columns);
            case Q8_0, Q4_0 -> Nd4j.createUninitialized(DataType.UINT8, rows, columns / type.size(), type.bytes());
        };
    }

    /**
     * Rounds floats.
     *
     * @param floats [rows,columns], FLOAT
     * @param turned whether they are [columns,rows]
     * @return an array of its own
     */
    public static INDArray of(BlockType type, INDArray floats, boolean turned) {
        int rows = (int) floats.size(turned ? 1 : 0);
        int columns = (int) floats.size(turned ? 0 : 1);
        INDArray array = allocate(type, rows, columns);
        NativeMemory source = NativeMemory.of(floats);
        float[] values = new float[TURNED * columns];
        float[] line = new float[TURNED];
        for (int row = 0; row < rows; row += TURNED) {
            int n = Math.min(TURNED, rows - row);
            if (turned) {
                for (int column = 0; column < columns; column++) {
                    source.read((long) column * rows + row, line, 0, n);
                    for (int i = 0; i < n; i++) {
                        values[i * columns + column] = line[i];
                    }
                }
            } else {
                source.read((long) row * columns, values, 0, n * columns);
            }
            byte[] blocks = new byte[(int) type.bytes((long) n * columns)];
            type.encode(values, 0, n * columns, blocks, 0);
            fill(array, type.bytes((long) row * columns), blocks);
        }
        return array;
    }

    /** Replaces floats, [rows,columns] or turned [columns,rows], by those that blocks of them stand for. */
    public static void round(BlockType type, INDArray floats, boolean turned) {
        try (INDArray rounded = of(type, floats, turned)) {
            BlockMatrix matrix = new BlockMatrix(rounded);
            NativeMemory target = NativeMemory.of(floats);
            byte[] raw = new byte[TURNED * matrix.rowBytes()];
            float[] values = new float[TURNED * matrix.columns];
            for (int row = 0; row < matrix.rows; row += TURNED) {
                int n = Math.min(TURNED, matrix.rows - row);
                matrix.read(row, n, raw, values, 0);
                if (!turned) {
                    target.write((long) row * matrix.columns, Arrays.copyOf(values, n * matrix.columns));
                }
                float[] line = new float[n];
                for (int column = 0; turned && column < matrix.columns; column++) {
                    for (int i = 0; i < n; i++) {
                        line[i] = values[i * matrix.columns + column];
                    }
                    target.write((long) column * matrix.rows + row, line);
                }
            }
        }
    }

    /** Copies blocks to where they belong, from a byte of the matrix on. */
    public static void fill(INDArray array, long at, byte[] blocks) {
        NativeMemory.bytes(array, at, blocks.length).put(blocks);
    }

    /** @return its bytes, for {@link LinearChoice} */
    long bytes() {
        return type.bytes((long) rows * columns);
    }

    /** @return the bytes of a row */
    int rowBytes() {
        return (int) type.bytes(columns);
    }

    /** Sets out[outAt..outAt+count·columns) to rows, of which {@code raw} has room for the bytes. */
    void read(int row, int count, byte[] raw, float[] out, int outAt) {
        memory.get(row * rowBytes(), raw, 0, count * rowBytes());
        Simd.BLOCKS.decode(type, raw, 0, count * columns, out, outAt);
    }

    /**
     * @param rows of x at most
     * @param parts of the work
     * @return products with rows of this, by {@link BlockProducts#rowsDots}
     */
    DotRowsKernel.Dots dots(int rows, int parts) {
        int width = Tiles.roundUp(columns, BlockProducts.SUMS);
        byte[][] raw = new byte[parts][BlockProducts.ROWS * rowBytes()];
        float[][] floats = new float[parts][BlockProducts.ROWS * width];
        float[][] filled = new float[parts][width == columns ? 0 : rows * width];
        return (part, n, x, from, count, y) -> {
            float[] wide = x;
            if (width != columns) {
                wide = filled[part];
                for (int r = 0; r < n; r++) {
                    System.arraycopy(x, r * columns, wide, r * width, columns);
                }
            }
            Simd.BLOCKS.rowsDots(type, n, columns, wide, memory, from, from + count, raw[part], floats[part], y, count);
        };
    }
}
