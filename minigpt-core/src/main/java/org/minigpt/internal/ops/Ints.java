package org.minigpt.internal.ops;

import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.ops.JavaOps;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Whole numbers that an op reads at every run: their memory is looked up once, since that costs as much as a small op.
 */
final class Ints {
    private final INDArray array;
    private final NativeMemory memory;
    private final int[] values;

    /** @param array of type INT or LONG, row-major */
    Ints(INDArray array) {
        this.array = array;
        memory = array.dataType() == DataType.INT32 ? NativeMemory.of(array) : null;
        values = new int[Math.toIntExact(array.length())];
    }

    /** @return its present values, in an array that the next call fills again; what an int can't hold is clamped */
    int[] read() {
        if (memory != null) {
            memory.read(0, values, 0, values.length);
            return values;
        }
        long[] wide = JavaOps.readIntegers(array);
        for (int i = 0; i < wide.length; i++) {
            values[i] = (int) Math.max(Integer.MIN_VALUE, Math.min(Integer.MAX_VALUE, wide[i]));
        }
        return values;
    }

    /** {@link #read}, once every value is known to be from 0 to below {@code size}. */
    int[] read(String op, String name, long size) {
        return read(op, name, size, 0);
    }

    /** {@link #read}, once every value is known to be from 0 to below {@code size}, or {@code except}. */
    int[] read(String op, String name, long size, int except) {
        Checks.ids(op, name, read(), size, except);
        return values;
    }

    /** @return the array that {@link #read} fills */
    int[] values() {
        return values;
    }
}
