package org.minigpt.train;

import org.minigpt.kernels.Floats;
import org.minigpt.kernels.SumOfSquaresKernel;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Clipping of all gradients together by their global norm (Pascanu, Mikolov and Bengio 2013), as PyTorch's
 * {@code clip_grad_norm_}: they are multiplied by {@code min(1, maxNorm / (norm + 1e-6))}.
 *
 * @param maxNorm the norm that remains; 0 clips nothing, nanoGPT's {@code grad_clip}
 */
public record GradientClip(double maxNorm) {
    private static final double EPS = 1e-6;

    /** @throws org.minigpt.util.MiniGptException if the norm is negative or not finite */
    public GradientClip {
        Checks.requireNotNegative("grad_clip", maxNorm, "1.0");
    }

    /**
     * The Euclidean norm, added up in double precision.
     *
     * @param gradients the flat vector of all gradients, FLOAT or DOUBLE
     */
    public static double norm(INDArray gradients) {
        double squares = gradients.dataType() == DataType.DOUBLE
                ? SumOfSquaresKernel.of(gradients.toDoubleVector())
                : new SumOfSquaresKernel().of(Floats.of(gradients), Math.toIntExact(gradients.length()));
        return Math.sqrt(squares);
    }

    /** @return what gradients of this norm are to be multiplied by */
    public double coefficient(double norm) {
        return maxNorm == 0 ? 1 : Math.min(1, maxNorm / (norm + EPS));
    }

    /**
     * Clips in place.
     *
     * @param gradients the flat vector of all gradients, FLOAT or DOUBLE
     * @return their norm before
     */
    public double apply(INDArray gradients) {
        double norm = norm(gradients);
        double coefficient = coefficient(norm);
        if (coefficient < 1) {
            gradients.muli(coefficient);
        }
        return norm;
    }
}
