package org.minigpt.train;

import java.util.Collections;
import java.util.Objects;
import org.minigpt.model.Trainable;

/**
 * The settings of {@link Muon}. Rates of groups are multiples of the learning rate, so that one schedule moves all.
 *
 * @param adamW of all parameters but the matrices of the blocks
 * @param matrixRate of the blocks' matrices, in learning rates; positive
 * @param embeddingRate of {@code wte} and {@code wpe}, in learning rates; positive
 * @param headRate of {@code lm_head}, in learning rates; positive
 * @param momentum β, 0 ≤ β &lt; 1
 * @param momentumWarmup the steps in which β rises to that from 0.85, where it is more; 0 for none
 * @param weightDecay a step takes this share, times its rate, off the matrices; not negative
 * @param scale how large a matrix's step is
 * @param iteration how a matrix's step is orthogonalised
 */
public record MuonConfig(
        AdamWConfig adamW,
        double matrixRate,
        double embeddingRate,
        double headRate,
        double momentum,
        int momentumWarmup,
        double weightDecay,
        Scale scale,
        Iteration iteration)
        implements Optimizer.Config {
    private static final double FIRST_MOMENTUM = 0.85;

    /** By what the step of a matrix [in,out], whose singular values are about 1, is multiplied. */
    public enum Scale {
        /** √max(1, out/in), as in {@code muon.py}. */
        SPECTRAL,
        /** 0.2·√max(in, out), by which steps are as large as AdamW's (Liu et al. 2025, "Muon is scalable"). */
        RMS;

        /** @return that number */
        double of(int in, int out) {
            return this == SPECTRAL ? Math.sqrt(Math.max(1, (double) out / in)) : 0.2 * Math.sqrt(Math.max(in, out));
        }
    }

    /** By which polynomials a·x + b·x³ + c·x⁵, one after the other, singular values from 0 to 1 come near 1. */
    public enum Iteration {
        /** Five times that of {@code muon.py}: above 0.01 they come to 0.68 to 1.14. */
        NEWTON_SCHULZ(
                Collections.nCopies(5, new double[] {3.4445, -4.7750, 2.0315}).toArray(double[][]::new)),
        /**
         * Three, each that which takes the interval it gets, at first from 0.01 to 1, to the smallest around 1, at last
         * 0.73 to 1.27 (Amsel et al. 2025, "The Polar Express"), for three fifths of the products.
         */
        POLAR_EXPRESS(
                new double[] {8.0933685, -23.6204303, 17.4461517},
                new double[] {3.6365856, -2.7219267, 0.5365463},
                new double[] {2.6613000, -1.9771545, 0.4526164});

        private final double[][] polynomials;

        Iteration(double[]... polynomials) {
            this.polynomials = polynomials;
        }

        double[][] polynomials() {
            return polynomials;
        }
    }

    /** @throws org.minigpt.MiniGptException if a value is out of its range */
    public MuonConfig {
        Objects.requireNonNull(adamW, "adamW");
        Checks.requirePositive("matrix_lr", matrixRate, "3 times learning_rate");
        Checks.requirePositive("embedding_lr", embeddingRate, "learning_rate");
        Checks.requirePositive("head_lr", headRate, "learning_rate");
        Checks.requireShare("muon_momentum", momentum, "0.95");
        Checks.requireAtLeast(0, "muon_momentum_warmup", momentumWarmup);
        Checks.requireNotNegative("muon_weight_decay", weightDecay, "0.01");
        Objects.requireNonNull(scale, "scale");
        Objects.requireNonNull(iteration, "iteration");
    }

    /** @return the settings of {@code muon.py}, without decay of matrices: all rates but {@code matrixRate} are alike */
    public static MuonConfig of(AdamWConfig adamW, double matrixRate) {
        return new MuonConfig(adamW, matrixRate, 1, 1, 0.95, 0, 0, Scale.SPECTRAL, Iteration.NEWTON_SCHULZ);
    }

    @Override
    public Optimizer create(Trainable trained) {
        return new Muon(trained, this);
    }

    /** @return β of a step, counted from 1 */
    double momentum(long step) {
        if (step > momentumWarmup || momentum <= FIRST_MOMENTUM) {
            return momentum;
        }
        return FIRST_MOMENTUM + (momentum - FIRST_MOMENTUM) * step / (momentumWarmup + 1);
    }
}
