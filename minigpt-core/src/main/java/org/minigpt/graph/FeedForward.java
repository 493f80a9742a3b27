package org.minigpt.graph;

import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;

/**
 * The feed-forward network ("mlp"): x [B,T,C] to act(x·W₁ + b₁)·W₂ + b₂, [B,T,C].
 *
 * @param cFc C to 4C
 * @param cProj 4C to C
 * @param dropout the share of the output that is dropped in training
 */
public record FeedForward(Linear cFc, Linear cProj, Activation activation, double dropout) implements GraphLayer {

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
