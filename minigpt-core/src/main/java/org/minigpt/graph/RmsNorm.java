package org.minigpt.graph;

import java.util.List;
import org.minigpt.graph.Parameter.Initializer;
import org.nd4j.autodiff.samediff.SDVariable;

/**
 * RMSNorm over the last axis, Llama's: x [B,T,C] to x/√(E[x²] + eps)·weight, [B,T,C]; parameter {@code weight} [C].
 *
 * @param c the width of a row
 * @param eps added to the mean square
 */
public record RmsNorm(long c, double eps) implements GraphLayer {

    @Override
    public List<Parameter> parameters() {
        return List.of(Parameter.of("weight", Initializer.ones(), c));
    }

    @Override
    public SDVariable define(Scope scope, SDVariable x) {
        return scope.ops().rmsNorm(scope.name(), x, scope.parameter("weight"), eps);
    }
}
