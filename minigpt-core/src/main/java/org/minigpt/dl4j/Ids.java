package org.minigpt.dl4j;

import org.minigpt.MiniGptException;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.ops.JavaOps;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Ids out of arrays of any type: DL4J's own iterators have them as floating-point numbers. */
final class Ids {
    private Ids() {}

    /**
     * @param array [B,T] or, with an axis of length 1 more, [B,1,T] or [B,T,1]
     * @param size the ids are 0 to size - 1
     * @param mask [B,T], where 0 stands for an id that does not count and may be anything; or null
     * @return INT [B,T], row-major
     * @throws MiniGptException if an id is no whole number, or out of range
     */
    static INDArray of(String layer, INDArray array, long size, INDArray mask) {
        long[] ids = read(layer, array);
        double[] counts =
                mask == null ? null : mask.dup('c').reshape(mask.length()).toDoubleVector();
        int[] result = new int[ids.length];
        for (int i = 0; i < ids.length; i++) {
            if (counts != null && counts[i] == 0) {
                continue;
            }
            if (ids[i] < 0 || ids[i] >= size) {
                throw new MiniGptException(
                        layer + " got the id " + ids[i] + " at place " + i + ", but ids go from 0 to " + (size - 1)
                                + "; encode the text with the network's own tokenizer");
            }
            result[i] = (int) ids[i];
        }
        long b = array.size(0);
        return Nd4j.createFromArray(result).reshape(b, result.length / b);
    }

    /** @return the entries in row-major order */
    static long[] read(String layer, INDArray array) {
        if (array.dataType().isIntType()) {
            return JavaOps.readIntegers(array);
        }
        if (!array.dataType().isFPType()) {
            throw new MiniGptException(layer + " got ids of type " + array.dataType() + "; pass whole numbers");
        }
        double[] values = NativeMemory.rowMajor(array).reshape(array.length()).toDoubleVector();
        long[] result = new long[values.length];
        for (int i = 0; i < values.length; i++) {
            result[i] = (long) values[i];
            if (result[i] != values[i]) {
                throw new MiniGptException(layer + " got the id " + values[i] + " at place " + i
                        + ", which is no whole number; pass the tokens' ids");
            }
        }
        return result;
    }
}
