package org.minigpt.train;

import java.util.ArrayList;
import java.util.List;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.internal.kernels.SumOfSquaresKernel;
import org.minigpt.internal.parallel.Workers;
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
    private static final int PART = 1 << 15;

    /** @throws org.minigpt.MiniGptException if the norm is negative or not finite */
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
                : squares(NativeMemory.rowMajor(gradients));
        return Math.sqrt(squares);
    }

    /** In parts of fixed lengths, added up in their order: so the bits do not depend on the number of threads. */
    private static double squares(INDArray gradients) {
        int length = Math.toIntExact(gradients.length());
        double[] parts = new double[1 + (length - 1) / PART];
        int threads = Math.min(parts.length, Runtime.getRuntime().availableProcessors());
        List<Runnable> tasks = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            int first = parts.length * i / threads;
            int end = parts.length * (i + 1) / threads;
            tasks.add(() -> {
                SumOfSquaresKernel kernel = new SumOfSquaresKernel(Floats.of(gradients));
                for (int part = first; part < end; part++) {
                    parts[part] = kernel.run(part * PART, Math.min(length, (part + 1) * PART));
                }
            });
        }
        Workers.runAll(tasks);
        double total = 0;
        for (double part : parts) {
            total += part;
        }
        return total;
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
