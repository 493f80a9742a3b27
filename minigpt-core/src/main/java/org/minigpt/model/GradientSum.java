package org.minigpt.model;

import java.util.List;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.internal.kernels.WeightedSum;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** Weighted sums of flat vectors, in a fixed order, in either precision. */
final class GradientSum {
    private GradientSum() {}

    /**
     * sum = Σ weight·term, for the entries from {@code from} to {@code to}.
     *
     * @param sum may be the first of the terms
     */
    static void compute(List<INDArray> terms, double[] weights, INDArray sum, long from, long to) {
        if (sum.dataType() == DataType.DOUBLE) {
            INDArray part = range(terms.get(0), from, to).mul(weights[0]);
            for (int i = 1; i < weights.length; i++) {
                part.addi(range(terms.get(i), from, to).mul(weights[i]));
            }
            NativeMemory.copy(part, range(sum, from, to));
            return;
        }
        Floats[] x = terms.stream().map(Floats::of).toArray(Floats[]::new);
        float[] single = new float[weights.length];
        for (int i = 0; i < single.length; i++) {
            single[i] = (float) weights[i];
        }
        new WeightedSum().compute(x, single, Floats.of(sum), Math.toIntExact(from), Math.toIntExact(to));
    }

    private static INDArray range(INDArray vector, long from, long to) {
        return vector.get(NDArrayIndex.interval(from, to));
    }
}
