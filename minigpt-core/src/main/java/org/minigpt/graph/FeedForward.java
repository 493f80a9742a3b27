package org.minigpt.graph;

import java.util.List;
import org.minigpt.internal.simd.Gelu;
import org.nd4j.autodiff.samediff.SDVariable;

/**
 * The feed-forward network ("mlp"): x [B,T,C] to act(x·W₁ + b₁)·W₂ + b₂, [B,T,C].
 *
 * @param cFc C to 4C
 * @param cProj 4C to C
 * @param dropout the share of the output that is dropped in training
 */
public record FeedForward(Linear cFc, Linear cProj, Activation activation, double dropout) implements GraphLayer {

    /** The non-linearity between the two layers. */
    public enum Activation {
        /** max(0, x): the lecture's. */
        RELU,
        /** max(0, x)² (So et al. 2021, "Primer", arXiv:2109.08668): Hugging Face's {@code relu2}. */
        RELU2,
        /** x·Φ(x): nanoGPT's, PyTorch's {@code nn.GELU()}. */
        GELU,
        /** The tanh approximation, GPT-2's own: Hugging Face's {@code gelu_new}. */
        GELU_TANH,
        /** x·σ(x), also called swish (Ramachandran et al. 2017, arXiv:1710.05941). */
        SILU;

        /** @return the activation of x, of its shape */
        SDVariable define(Scope scope, SDVariable x) {
            return switch (this) {
                case RELU -> scope.ops().relu(scope.name(), x);
                case RELU2 -> scope.ops().relu2(scope.name(), x);
                case GELU -> scope.ops().gelu(scope.name(), x, Gelu.ERF);
                case GELU_TANH -> scope.ops().gelu(scope.name(), x, Gelu.TANH);
                case SILU -> scope.ops().silu(scope.name(), x);
            };
        }
    }

    @Override
    public List<Parameter> parameters() {
        return GraphLayer.concat(GraphLayer.nested("c_fc", cFc), GraphLayer.nested("c_proj", cProj));
    }

    @Override
    public SDVariable define(Scope scope, SDVariable x) {
        x = cFc.define(scope.in("c_fc"), x); // (B,T,4C)
        x = activation.define(scope.in("act"), x); // (B,T,4C)
        x = cProj.define(scope.in("c_proj"), x); // (B,T,C)
        return scope.ops().dropout(scope.name("drop"), x, scope.dropout("drop", dropout));
    }
}
