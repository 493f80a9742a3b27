package org.minigpt.graph;

import org.minigpt.internal.simd.Gelu;
import org.nd4j.autodiff.samediff.SDVariable;

/** The non-linearity between the two layers of the feed-forward. */
public enum Activation {
    /** max(0, x): the lecture's. */
    RELU,
    /** x·Φ(x): nanoGPT's, PyTorch's {@code nn.GELU()}. */
    GELU,
    /** The tanh approximation, GPT-2's own: Hugging Face's {@code gelu_new}. */
    GELU_TANH;

    /** @return the activation of x, of its shape */
    SDVariable define(Scope scope, SDVariable x) {
        return switch (this) {
            case RELU -> scope.ops().relu(scope.name(), x);
            case GELU -> scope.ops().gelu(scope.name(), x, Gelu.ERF);
            case GELU_TANH -> scope.ops().gelu(scope.name(), x, Gelu.TANH);
        };
    }
}
