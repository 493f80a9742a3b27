package org.minigpt.graph;

import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;

/**
 * A transformer block with the norms in front (pre-LayerNorm, Radford et al. 2019): x [B,T,C] to [B,T,C] by
 * {@code x = x + attn(ln_1(x)); x = x + mlp(ln_2(x))}. Each part takes and gives [B,T,C].
 */
public record Block(GraphLayer ln1, GraphLayer attn, GraphLayer ln2, GraphLayer mlp) implements GraphLayer {

    @Override
    public List<Parameter> parameters() {
        return GraphLayer.concat(
                GraphLayer.nested("ln_1", ln1),
                GraphLayer.nested("attn", attn),
                GraphLayer.nested("ln_2", ln2),
                GraphLayer.nested("mlp", mlp));
    }

    @Override
    public SDVariable define(Scope scope, SDVariable x) {
        SDVariable a = attn.define(scope.in("attn"), ln1.define(scope.in("ln_1"), x));
        x = scope.ops().add(scope.name("attn.residual"), x, a);
        SDVariable m = mlp.define(scope.in("mlp"), ln2.define(scope.in("ln_2"), x));
        return scope.ops().add(scope.name(), x, m);
    }
}
