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

/**
 * The weighted sum of some gradients, in the order of {@link WeightedSum}, in either precision. Made once for arrays
 * that stay, it spares each step what finding their memory takes.
 */
public final class GradientSum {
    private final List<INDArray> terms;
    private final INDArray sum;

    /** For each thread what adds its entries up; null in double precision. */
    private final List<WeightedSum> kernels;

    private final int threads;

    /**
     * @param terms vectors of one length, FLOAT or DOUBLE
     * @param sum may be one of the terms
     * @param threads that share the entries; the result is the same
     */
    public GradientSum(List<INDArray> terms, INDArray sum, int threads) {
        this.terms = List.copyOf(terms);
        this.sum = sum;
        this.threads = threads;
        if (sum.dataType() == DataType.DOUBLE) {
            kernels = null;
            return;
        }
        kernels = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            kernels.add(new WeightedSum(terms.stream().map(Floats::of).toArray(Floats[]::new), Floats.of(sum)));
        }
    }

    /** @return whether it is that of these arrays */
    boolean isOf(int terms, INDArray sum) {
        return this.terms.size() == terms && this.sum == sum && !sum.wasClosed();
    }

    /**
     * sum = Σ weight·term.
     *
     * @param weights one for each term
     */
    public void compute(double... weights) {
        List<Runnable> parts = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            int part = i;
            int from = Math.toIntExact(sum.length() * i / threads);
            int to = Math.toIntExact(sum.length() * (i + 1) / threads);
            parts.add(() -> compute(part, weights, from, to));
        }
        Workers.runAll(parts);
    }

    private void compute(int part, double[] weights, int from, int to) {
        if (kernels == null) {
            NativeMemory.copy(add(weights, 0, weights.length, from, to), range(sum, from, to));
            return;
        }
        float[] single = new float[weights.length];
        for (int i = 0; i < single.length; i++) {
            single[i] = (float) weights[i];
        }
        kernels.get(part).run(single, from, to);
    }

    /** @return a new array, the sum of the terms from {@code first} to {@code end} */
    private INDArray add(double[] weights, int first, int end, int from, int to) {
        if (end - first == 1) {
            return range(terms.get(first), from, to).mul(weights[first]);
        }
        int middle = first + WeightedSum.left(end - first);
        return add(weights, first, middle, from, to).addi(add(weights, middle, end, from, to));
    }

    private static INDArray range(INDArray vector, long from, long to) {
        return vector.reshape(vector.length()).get(NDArrayIndex.interval(from, to));
    }
}
