package org.minigpt.graph;

import java.util.ArrayList;
import java.util.List;
import org.minigpt.graph.Parameter.Initializer;
import org.nd4j.autodiff.samediff.SDVariable;

/**
 * y = x·W + b: x [B,T,in] to [B,T,out]; parameters {@code weight} [in,out], Hugging Face's Conv1D layout, and
 * {@code bias} [out].
 *
 * @param weightInit of W
 * @param biasInit of b; null for no bias
 */
public record Linear(long in, long out, Initializer weightInit, Initializer biasInit) implements GraphLayer {

    @Override
    public List<Parameter> parameters() {
        List<Parameter> result = new ArrayList<>();
        result.add(Parameter.of("weight", weightInit, in, out));
        if (biasInit != null) {
            result.add(Parameter.of("bias", biasInit, out));
        }
        return result;
    }

    @Override
    public SDVariable define(Scope scope, SDVariable x) {
        SDVariable bias = biasInit == null ? null : scope.parameter("bias");
        return scope.ops().linear(scope.name(), x, scope.parameter("weight"), bias, false);
    }
}
