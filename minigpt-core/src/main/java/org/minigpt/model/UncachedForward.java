package org.minigpt.model;

import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** Whole sequences through the model's own graph, whatever ops it is made of. */
final class UncachedForward implements Forward {
    private final Gpt gpt;

    UncachedForward(Gpt gpt) {
        this.gpt = gpt;
    }

    @Override
    public boolean remembers() {
        return false;
    }

    @Override
    public void begin() {
        // The model's own graph has nothing but the parameters.
    }

    @Override
    public double[][] run(int[] rows, int[] past, int[][] ids) {
        double[][] result = new double[rows.length][];
        for (int i = 0; i < rows.length; i++) {
            INDArray logits = gpt.logits(new int[][] {ids[i]}); // [1,T,V]
            result[i] = logits.get(NDArrayIndex.point(0), NDArrayIndex.point(ids[i].length - 1), NDArrayIndex.all())
                    .toDoubleVector();
        }
        return result;
    }

    @Override
    public void copy(int from, int to, int length) {
        // Nothing is remembered.
    }
}
