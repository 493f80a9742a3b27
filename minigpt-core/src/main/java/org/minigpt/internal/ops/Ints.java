package org.minigpt.internal.ops;

import org.minigpt.internal.kernels.NativeMemory;
import org.nd4j.linalg.api.ndarray.INDArray;

/** An INT array that an op reads at every run: its memory is looked up once, since that costs as much as a small op. */
final class Ints {
    private final NativeMemory memory;
    private final int[] values;

    /** @param array of type INT, row-major */
    Ints(INDArray array) {
        memory = NativeMemory.of(array);
        values = new int[Math.toIntExact(array.length())];
    }

    /** @return its present values, in an array that the next call fills again */
    int[] read() {
        memory.read(0, values, 0, values.length);
        return values;
    }

    /** {@link #read}, once every value is known to be from 0 to below {@code size}. */
    int[] read(String op, String name, long size) {
        Checks.ids(op, name, read(), size, 0);
        return values;
    }
}
