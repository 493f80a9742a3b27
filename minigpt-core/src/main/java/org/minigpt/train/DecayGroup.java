package org.minigpt.train;

import org.minigpt.model.ParameterInfo;

/** The parameters that weight decay pulls towards 0. */
public enum DecayGroup {
    /** Those of two axes or more, embeddings included, as in nanoGPT's {@code configure_optimizers}. */
    MATRICES,
    /** All, gains and biases too, as PyTorch's AdamW does unless told otherwise, and so the lecture. */
    ALL;

    /** @return whether this group has the parameter */
    public boolean contains(ParameterInfo parameter) {
        return this == ALL || parameter.matrix();
    }
}
