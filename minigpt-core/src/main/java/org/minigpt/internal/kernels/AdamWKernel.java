package org.minigpt.internal.kernels;

import org.minigpt.internal.simd.Simd;
import org.minigpt.internal.simd.TileMath;

/**
 * One step of AdamW (Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization") in one pass over the
 * parameters, their gradients and both moments, in the order of operations of PyTorch's {@code AdamW}:
 *
 * <pre>
 * p ← p·keep
 * g ← g·gradientFactor
 * m ← β₁·m + (1 - β₁)·g
 * v ← β₂·v + (1 - β₂)·g²
 * p ← p - stepSize·m / (√v / √(1 - β₂ⁿ) + eps)      stepSize = rate / (1 - β₁ⁿ), n the number of this step
 * </pre>
 */
public final class AdamWKernel {
    private static final int TILE = 2048; // four tiles of 8 KiB fit the first-level cache

    private final Floats parameters;
    private final Floats gradients;
    private final Floats moments1;
    private final Floats moments2;
    private final float[] p = new float[TILE];
    private final float[] g = new float[TILE];
    private final float[] m = new float[TILE];
    private final float[] v = new float[TILE];

    /** @param moments1 of the length of the parameters, as the second and the gradients */
    public AdamWKernel(Floats parameters, Floats gradients, Floats moments1, Floats moments2) {
        this.parameters = parameters;
        this.gradients = gradients;
        this.moments1 = moments1;
        this.moments2 = moments2;
    }

    /**
     * What a step does to every entry alike.
     *
     * @param beta1 decay of the first moment
     * @param beta2 decay of the second moment
     * @param eps added to the denominator
     * @param stepSize the rate over the bias correction of the first moment
     * @param rootCorrection2 the square root of the bias correction of the second moment
     * @param gradientFactor what clipping leaves of the gradients, 1 for all
     */
    public record Step(
            double beta1, double beta2, double eps, double stepSize, double rootCorrection2, double gradientFactor) {

        /**
         * @param number of this step, from 1
         * @param rate the learning rate
         */
        public static Step of(double beta1, double beta2, double eps, long number, double rate, double gradientFactor) {
            return new Step(
                    beta1,
                    beta2,
                    eps,
                    rate / (1 - Math.pow(beta1, number)),
                    Math.sqrt(1 - Math.pow(beta2, number)),
                    gradientFactor);
        }
    }

    /**
     * A step's numbers as floats. PyTorch computes them in double too, and rounds them where they meet a tensor. The
     * last two are multiplied by √(1 - β₂ⁿ), so that an entry needs one division: they are slow, and this pass is all
     * divisions, roots and memory.
     */
    static TileMath.AdamW rounded(Step step, double keep) {
        return new TileMath.AdamW(
                (float) keep,
                (float) step.gradientFactor,
                (float) step.beta1,
                (float) (1 - step.beta1),
                (float) step.beta2,
                (float) (1 - step.beta2),
                (float) (step.eps * step.rootCorrection2),
                (float) (step.stepSize * step.rootCorrection2));
    }

    /**
     * Updates the entries [from, from + count) of parameters and moments.
     *
     * @param keep what weight decay leaves of a parameter: 1 - rate·decay
     */
    public void run(Step step, double keep, int from, int count) {
        TileMath.AdamW rounded = rounded(step, keep);
        for (int at = from; at < from + count; at += TILE) {
            int n = Math.min(TILE, from + count - at);
            parameters.read(at, p, 0, n);
            gradients.read(at, g, 0, n);
            moments1.read(at, m, 0, n);
            moments2.read(at, v, 0, n);
            Simd.MATH.adamW(rounded, p, g, m, v, n);
            parameters.write(at, p, 0, n);
            moments1.write(at, m, 0, n);
            moments2.write(at, v, 0, n);
        }
    }

    /** {@link #run} in double precision. */
    public static void update(
            Step step, double keep, double[] p, double[] g, double[] m, double[] v, int from, int count) {
        for (int i = from; i < from + count; i++) {
            double gradient = g[i] * step.gradientFactor;
            m[i] = m[i] * step.beta1 + gradient * (1 - step.beta1);
            v[i] = v[i] * step.beta2 + (1 - step.beta2) * gradient * gradient;
            double denominator = Math.sqrt(v[i]) / step.rootCorrection2 + step.eps;
            p[i] = p[i] * keep - step.stepSize * m[i] / denominator;
        }
    }
}
