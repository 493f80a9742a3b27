package org.minigpt.ops;

import org.bytedeco.javacpp.IntPointer;
import org.nd4j.linalg.api.ndarray.INDArray;

/** An INT array that an op reads at every run: its pointer is made once, since that costs as much as a small op. */
final class Ints {
    private final IntPointer pointer;
    private final int[] values;

    /** Whose collection would free the memory. */
    private final INDArray owner;

    /** @param array of type INT, row-major */
    Ints(INDArray array) {
        pointer = new IntPointer(array.data().addressPointer());
        values = new int[Math.toIntExact(array.length())];
        owner = array;
    }

    /** @return its present values, in an array that the next call fills again */
    int[] read() {
        pointer.get(values);
        return values;
    }

    /** {@link #read}, once every value is known to be from 0 to below {@code size}. */
    int[] read(String op, String name, long size) {
        Checks.ids(op, name, read(), size, 0);
        return values;
    }

    @Override
    public String toString() {
        return owner.toString();
    }
}
