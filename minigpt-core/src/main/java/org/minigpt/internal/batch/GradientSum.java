package org.minigpt.internal.batch;

import java.util.ArrayList;
import java.util.List;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.internal.kernels.WeightedSum;
import org.minigpt.internal.parallel.Workers;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** Weighted sums of gradients, in the order of {@link WeightedSum}, in either precision. */
public final class GradientSum {
    private GradientSum() {}

    /**
     * sum = Σ weight·term.
     *
     * @param terms vectors of one length, FLOAT or DOUBLE
     * @param sum may be one of the terms
     * @param threads that share the entries; the result is the same
     */
    public static void compute(List<INDArray> terms, double[] weights, INDArray sum, int threads) {
        List<Runnable> parts = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            int from = Math.toIntExact(sum.length() * i / threads);
            int to = Math.toIntExact(sum.length() * (i + 1) / threads);
            parts.add(() -> compute(terms, weights, sum, from, to));
        }
        Workers.runAll(parts);
    }

    private static void compute(List<INDArray> terms, double[] weights, INDArray sum, int from, int to) {
        if (sum.dataType() == DataType.DOUBLE) {
            INDArray result = add(terms, weights, 0, weights.length, from, to);
            NativeMemory.copy(result, range(sum, from, to));
            return;
        }
        Floats[] x = terms.stream().map(Floats::of).toArray(Floats[]::new);
        float[] single = new float[weights.length];
        for (int i = 0; i < single.length; i++) {
            single[i] = (float) weights[i];
        }
        new WeightedSum(x, single, Floats.of(sum)).run(from, to);
    }

    /** @return a new array, the sum of the terms from {@code first} to {@code end} */
    private static INDArray add(List<INDArray> terms, double[] weights, int first, int end, int from, int to) {
        if (end - first == 1) {
            return range(terms.get(first), from, to).mul(weights[first]);
        }
        int middle = first + WeightedSum.left(end - first);
        return add(terms, weights, first, middle, from, to).addi(add(terms, weights, middle, end, from, to));
    }

    private static INDArray range(INDArray vector, long from, long to) {
        return vector.reshape(vector.length()).get(NDArrayIndex.interval(from, to));
    }
}
