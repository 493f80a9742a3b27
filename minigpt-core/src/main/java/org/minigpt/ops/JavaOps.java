package org.minigpt.ops;

import java.util.Arrays;
import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;
import org.minigpt.internal.kernels.NativeMemory;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** How an op whose arithmetic is plain doubles reads and writes its arrays. */
public final class JavaOps {
    private JavaOps() {}

    /**
     * A copy of whole numbers, row-major. No op of ND4J's runs for it if they are contiguous INT or LONG: those of more
     * than a few hundred entries wake OpenMP threads, which then spin for a while on the cores that the replicas want.
     *
     * @param array of any type of whole numbers
     */
    public static long[] readIntegers(INDArray array) {
        boolean known = array.dataType() == DataType.INT32 || array.dataType() == DataType.INT64;
        INDArray whole = known ? array : array.castTo(DataType.INT64);
        NativeMemory memory = NativeMemory.of(NativeMemory.rowMajor(whole));
        long[] values = new long[Math.toIntExact(array.length())];
        if (whole.dataType() == DataType.INT64) {
            memory.read(0, values, 0, values.length);
            return values;
        }
        int[] narrow = new int[values.length];
        memory.read(0, narrow, 0, narrow.length);
        for (int i = 0; i < narrow.length; i++) {
            values[i] = narrow[i];
        }
        return values;
    }

    /** @return whether an array is of type DOUBLE, for an op that computes in floats otherwise */
    public static boolean isDouble(INDArray array) {
        return array.dataType() == DataType.DOUBLE;
    }

    /** @return a copy of the entries of an array of type FLOAT or DOUBLE, in row-major order */
    public static double[] read(INDArray array) {
        double[] values = new double[Math.toIntExact(array.length())];
        INDArray source = NativeMemory.rowMajor(array);
        if (isDouble(array)) {
            NativeMemory.of(source).read(0, values, 0, values.length);
            return values;
        }
        float[] narrow = new float[values.length];
        NativeMemory.of(source).read(0, narrow, 0, narrow.length);
        for (int i = 0; i < narrow.length; i++) {
            values[i] = narrow[i];
        }
        return values;
    }

    /**
     * Copies {@code count} entries of a row-major array of type FLOAT, from {@code at} on, to the beginning of a tile.
     * Loops over a {@code float[]} are vectorised, and some thousand entries stay in the first-level cache.
     */
    public static void read(INDArray array, long at, float[] tile, int count) {
        NativeMemory.of(array).read(at, tile, 0, count);
    }

    /** Copies the first {@code count} entries of a tile to a row-major array of type FLOAT, from {@code at} on. */
    public static void write(float[] tile, int count, INDArray array, long at) {
        NativeMemory.of(array).write(at, count == tile.length ? tile : Arrays.copyOf(tile, count));
    }

    /** y = f(x), entry by entry, for row-major arrays of type FLOAT or DOUBLE; y may be x. */
    public static void map(INDArray x, INDArray y, DoubleUnaryOperator f) {
        double[] values = read(x);
        for (int i = 0; i < values.length; i++) {
            values[i] = f.applyAsDouble(values[i]);
        }
        write(values, y);
    }

    /** y = f(a, b), entry by entry, for row-major arrays of type FLOAT or DOUBLE; y may be a or b. */
    public static void map(INDArray a, INDArray b, INDArray y, DoubleBinaryOperator f) {
        double[] values = read(a);
        double[] others = read(b);
        for (int i = 0; i < values.length; i++) {
            values[i] = f.applyAsDouble(values[i], others[i]);
        }
        write(values, y);
    }

    /** Copies values into a row-major array of type FLOAT or DOUBLE. */
    public static void write(double[] values, INDArray array) {
        if (isDouble(array)) {
            NativeMemory.of(array).write(0, values);
            return;
        }
        float[] narrow = new float[values.length];
        for (int i = 0; i < narrow.length; i++) {
            narrow[i] = (float) values[i];
        }
        NativeMemory.of(array).write(0, narrow);
    }
}
