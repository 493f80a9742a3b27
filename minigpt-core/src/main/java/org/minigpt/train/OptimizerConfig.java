package org.minigpt.train;

import java.io.Serializable;
import org.minigpt.model.Trainable;

/** The settings of an {@link Optimizer}. */
public sealed interface OptimizerConfig extends Serializable permits AdamWConfig, MuonConfig, SgdConfig {

    /** @return an optimizer with these settings that has taken no step */
    Optimizer create(Trainable trained);
}
