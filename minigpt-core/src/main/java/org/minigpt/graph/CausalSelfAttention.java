package org.minigpt.graph;

import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;

/**
 * Causal multi-head self-attention with its output projection: x [B,T,C] to [B,T,C]. All heads' queries, keys and
 * values come from one product with {@code c_attn.weight} [C,3C]; the heads' outputs, side by side, go through
 * {@code c_proj.weight} [C,C].
 *
 * @param cAttn C to 3C
 * @param cProj C to C
 * @param nHead H, which divides C
 * @param dropout the share of the probabilities, and of the output, that is dropped in training
 */
public record CausalSelfAttention(Linear cAttn, Linear cProj, int nHead, double dropout) implements GraphLayer {

    @Override
    public List<Parameter> parameters() {
        return GraphLayer.concat(GraphLayer.nested("c_attn", cAttn), GraphLayer.nested("c_proj", cProj));
    }

    @Override
    public SDVariable define(Scope scope, SDVariable x) {
        SDVariable qkv = cAttn.define(scope.in("c_attn"), x); // (B,T,3C)
        SDVariable y = scope.ops() // (B,T,C), heads side by side
                .causalAttention(scope.name("heads"), qkv, nHead, scope.dropout("heads", dropout));
        y = cProj.define(scope.in("c_proj"), y); // (B,T,C)
        return scope.ops().dropout(scope.name("drop"), y, scope.dropout("drop", dropout));
    }
}
