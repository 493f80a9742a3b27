package org.minigpt.dl4j;

import java.util.List;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.internal.kernels.SumOfSquaresKernel;
import org.minigpt.internal.kernels.WeightedSum;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.regularization.L2Regularization;
import org.nd4j.linalg.learning.regularization.Regularization;
import org.nd4j.linalg.learning.regularization.WeightDecay;
import org.nd4j.linalg.schedule.ISchedule;

/**
 * DL4J's L2 or weight decay of a parameter, computed by this library's kernels on the calling thread. A step does it
 * twice for each parameter, in the gradient and in the score. ND4J's ops would share each out among its own threads,
 * which then spin on the processors that the layers want: at small sizes that takes longer than the layers.
 *
 * @param original whose values it has; the score is summed in double
 */
record Penalty(Regularization original) implements Regularization {

    /** @return DL4J's regularisation of a parameter, by this class where it can be; null if there is none */
    static List<Regularization> of(List<Regularization> all) {
        return all == null
                ? null
                : all.stream()
                        .map(r -> r instanceof L2Regularization || r instanceof WeightDecay ? new Penalty(r) : r)
                        .toList();
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
        Floats sum = Floats.of(gradient);
        new WeightedSum(new Floats[] {sum, Floats.of(param)}, new float[] {1, (float) coefficient}, sum)
                .run(0, Math.toIntExact(gradient.length()));
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
