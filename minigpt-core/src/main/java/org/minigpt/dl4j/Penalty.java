package org.minigpt.dl4j;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.minigpt.internal.batch.GradientSum;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.internal.kernels.SumOfSquaresKernel;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.learning.regularization.L1Regularization;
import org.nd4j.linalg.learning.regularization.L2Regularization;
import org.nd4j.linalg.learning.regularization.Regularization;
import org.nd4j.linalg.learning.regularization.WeightDecay;
import org.nd4j.linalg.schedule.ISchedule;

/**
 * DL4J's L2 or weight decay of parameters, computed by this library's kernels: a step does it twice, in the gradient
 * and in the score. ND4J's ops take several passes each, and share them out among its own threads, which then spin on
 * the processors that the layers want: at small sizes that takes longer than the layers.
 *
 * @param original whose values it has; the score is summed in double
 */
record Penalty(Regularization original) implements Regularization {
    /** Fewer entries are not worth another thread. */
    private static final long MIN_SHARED = 65_536;

    private static boolean isKnown(Regularization r) {
        return r instanceof L2Regularization || r instanceof WeightDecay;
    }

    /**
     * @param lengths of the parameters that are penalised together, one after the other; none if it is a single one;
     *     asked for if there is one that must see each by itself
     * @return DL4J's regularisation of them, by this class where it can be; null if there is none
     */
    static List<Regularization> of(List<Regularization> all, Supplier<List<Long>> lengths) {
        if (all == null) {
            return null;
        }
        List<Regularization> result = new ArrayList<>();
        for (Regularization r : all) {
            if (isKnown(r)) {
                result.add(new Penalty(r));
            } else if (r instanceof L1Regularization || lengths.get().size() < 2) {
                result.add(r);
            } else {
                result.add(new OfEach(r, lengths.get()));
            }
        }
        return result;
    }

    /** One that must see each parameter by itself. */
    private record OfEach(Regularization original, List<Long> lengths) implements Regularization {
        @Override
        public ApplyStep applyStep() {
            return original.applyStep();
        }

        @Override
        public void apply(INDArray param, INDArray gradient, double lr, int iteration, int epoch) {
            List<INDArray> gradients = parts(gradient);
            List<INDArray> params = parts(param);
            for (int i = 0; i < params.size(); i++) {
                original.apply(params.get(i), gradients.get(i), lr, iteration, epoch);
            }
        }

        @Override
        public double score(INDArray param, int iteration, int epoch) {
            return parts(param).stream()
                    .mapToDouble(part -> original.score(part, iteration, epoch))
                    .sum();
        }

        private List<INDArray> parts(INDArray vector) {
            List<INDArray> parts = new ArrayList<>();
            long at = 0;
            for (long length : lengths) {
                parts.add(vector.get(NDArrayIndex.interval(at, at + length)));
                at += length;
            }
            return parts;
        }

        @Override
        public Regularization clone() {
            return this;
        }
    }

    private double coefficient(int iteration, int epoch) {
        ISchedule schedule =
                original instanceof WeightDecay decay ? decay.getCoeff() : ((L2Regularization) original).getL2();
        return schedule.valueAt(iteration, epoch);
    }

    private static boolean hasKernel(INDArray array) {
        return array.dataType() == DataType.FLOAT && NativeMemory.isRowMajor(array);
    }

    @Override
    public ApplyStep applyStep() {
        return original.applyStep();
    }

    /** gradient += coefficient·param. */
    @Override
    public void apply(INDArray param, INDArray gradient, double lr, int iteration, int epoch) {
        if (!hasKernel(param) || !hasKernel(gradient)) {
            original.apply(param, gradient, lr, iteration, epoch);
            return;
        }
        double coefficient = coefficient(iteration, epoch);
        if (original instanceof WeightDecay decay && decay.isApplyLR()) {
            coefficient *= lr;
        }
        int threads = gradient.length() < MIN_SHARED ? 1 : Runtime.getRuntime().availableProcessors();
        new GradientSum(List.of(gradient, param), gradient, threads).compute(1, coefficient);
    }

    /** @return coefficient/2·Σ param² */
    @Override
    public double score(INDArray param, int iteration, int epoch) {
        return hasKernel(param)
                ? 0.5
                        * coefficient(iteration, epoch)
                        * new SumOfSquaresKernel(Floats.of(param)).run(0, Math.toIntExact(param.length()))
                : original.score(param, iteration, epoch);
    }

    @Override
    public Regularization clone() {
        return this;
    }
}
