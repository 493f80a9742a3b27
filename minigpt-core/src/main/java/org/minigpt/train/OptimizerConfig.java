package org.minigpt.train;

import org.minigpt.model.Trainable;

/** The settings of an {@link Optimizer}. */
public sealed interface OptimizerConfig permits AdamWConfig, MuonConfig {

    /** @return an optimizer with these settings that has taken no step */
    Optimizer create(Trainable trained);
}
