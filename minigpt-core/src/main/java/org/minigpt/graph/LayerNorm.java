package org.minigpt.graph;

import java.util.List;
import org.minigpt.graph.Parameter.Initializer;
import org.nd4j.autodiff.samediff.SDVariable;

/**
 * LayerNorm over the last axis: x [B,T,C] to [B,T,C]; parameters {@code weight} (the gain) and {@code bias}, both [C].
 *
 * @param c the width of a row
 * @param bias whether there is one
 * @param eps added to the variance
 */
public record LayerNorm(long c, boolean bias, double eps) implements GraphLayer {

    @Override
    public List<Parameter> parameters() {
        Parameter gain = Parameter.of("weight", Initializer.ones(), c);
        return bias ? List.of(gain, Parameter.of("bias", Initializer.zeros(), c)) : List.of(gain);
    }

    @Override
    public SDVariable define(Scope scope, SDVariable x) {
        SDVariable b = bias ? scope.parameter("bias") : null;
        return scope.ops().layerNorm(scope.name(), x, scope.parameter("weight"), b, eps);
    }
}
