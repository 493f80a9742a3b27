package org.minigpt.train;

import java.util.Objects;
import org.minigpt.model.Trainable;
import org.minigpt.model.Trainable.ParameterInfo;

/**
 * The settings of {@link AdamW}.
 *
 * @param beta1 decay of the mean of the gradients, 0 ≤ β₁ &lt; 1
 * @param beta2 decay of the mean of their squares, 0 ≤ β₂ &lt; 1
 * @param eps added to the denominator, positive
 * @param weightDecay a step takes this share, times the learning rate, off the parameters that decay; not negative
 * @param decay the parameters that decay
 */
public record AdamWConfig(double beta1, double beta2, double eps, double weightDecay, Decay decay)
        implements Optimizer.Config {
    private static final double EPS = 1e-8;

    /** The parameters that weight decay pulls towards 0. */
    public enum Decay {
        /** Those of two axes or more, embeddings included, as in nanoGPT's {@code configure_optimizers}. */
        MATRICES,
        /** All, gains and biases too, as PyTorch's AdamW does unless told otherwise, and so the lecture. */
        ALL;

        /** @return whether this group has the parameter */
        boolean contains(ParameterInfo parameter) {
            return this == ALL || parameter.matrix();
        }
    }

    /** @throws org.minigpt.MiniGptException if a value is out of its range */
    public AdamWConfig {
        Checks.requireShare("beta1", beta1, "0.9");
        Checks.requireShare("beta2", beta2, "0.99");
        Checks.requirePositive("eps", eps, "1e-8");
        Checks.requireNotNegative("weight_decay", weightDecay, "0.1");
        Objects.requireNonNull(decay, "decay");
    }

    /** @return PyTorch's defaults, the lecture's: betas 0.9 and 0.999, eps 1e-8, decay 0.01 on all parameters */
    public static AdamWConfig pytorch() {
        return new AdamWConfig(0.9, 0.999, EPS, 0.01, Decay.ALL);
    }

    /** @return nanoGPT's for a corpus of characters: betas 0.9 and 0.99, eps 1e-8, decay 0.1 on matrices only */
    public static AdamWConfig nanoGpt() {
        return new AdamWConfig(0.9, 0.99, EPS, 0.1, Decay.MATRICES);
    }

    /** @return a copy with these betas */
    public AdamWConfig withBetas(double beta1, double beta2) {
        return new AdamWConfig(beta1, beta2, eps, weightDecay, decay);
    }

    /** @return a copy that decays these parameters by {@code weightDecay} */
    public AdamWConfig withDecay(double weightDecay, Decay decay) {
        return new AdamWConfig(beta1, beta2, eps, weightDecay, decay);
    }

    @Override
    public Optimizer create(Trainable trained) {
        return new AdamW(trained.parameterInfos(), trained.model().dataType(), this);
    }
}
