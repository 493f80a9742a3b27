package org.minigpt.train;

import org.minigpt.model.Trainable;

/**
 * The settings of {@link Sgd}.
 *
 * @param momentum μ, the share of the last steps that a step goes on with, 0 ≤ μ &lt; 1
 * @param nesterov whether the momentum is taken as it will be after the step (Nesterov 1983; Sutskever et al. 2013)
 */
public record SgdConfig(double momentum, boolean nesterov) implements Optimizer.Config {

    /** @throws org.minigpt.MiniGptException if the momentum is out of its range */
    public SgdConfig {
        Checks.requireShare("momentum", momentum, "0.9");
    }

    @Override
    public Optimizer create(Trainable trained) {
        return new Sgd(trained.parameterInfos(), trained.model().dataType(), this);
    }
}
