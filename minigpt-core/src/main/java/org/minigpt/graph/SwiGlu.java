package org.minigpt.graph;

import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;

/**
 * The gated feed-forward network of Shazeer 2020 (arXiv:2002.05202) and Llama: x [B,T,C] to (silu(x·W)·x·V)·W₂,
 * [B,T,C]. W and V lie side by side in {@code gate_up_proj.weight} [C,2I], as in Hugging Face's Phi-3, and W₂ is {@code
 * down_proj.weight} [I,C].
 *
 * @param gateUpProj C to 2I
 * @param downProj I to C
 * @param dropout the share of the output that is dropped in training
 */
public record SwiGlu(Linear gateUpProj, Linear downProj, double dropout) implements GraphLayer {

    /**
     * @return the usual width I for rows of C: 8C/3 rounded up to a multiple of 16, so that its matrices are as large
     *     as a plain one's
     */
    public static long width(long c) {
        return (8 * c + 47) / 48 * 16;
    }

    @Override
    public List<Parameter> parameters() {
        return GraphLayer.concat(
                GraphLayer.nested("gate_up_proj", gateUpProj), GraphLayer.nested("down_proj", downProj));
    }

    @Override
    public SDVariable define(Scope scope, SDVariable x) {
        x = gateUpProj.define(scope.in("gate_up_proj"), x); // (B,T,2I)
        x = scope.ops().swiGlu(scope.name("act"), x); // (B,T,I)
        x = downProj.define(scope.in("down_proj"), x); // (B,T,C)
        return scope.ops().dropout(scope.name("drop"), x, scope.dropout("drop", dropout));
    }
}
