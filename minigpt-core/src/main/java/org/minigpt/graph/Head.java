package org.minigpt.graph;

import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;

/**
 * One head of causal self-attention, the lecture's {@code Head}: x [B,T,C] to softmax(q·kᵀ/√D)·v, [B,T,D], where q, k
 * and v are linear in x, without bias. Parameter {@code c_attn.weight} [C,3D]: query, key and value side by side.
 *
 * @param nEmbd C
 * @param headSize D
 */
public record Head(long nEmbd, long headSize) implements GraphLayer {

    @Override
    public List<Parameter> parameters() {
        return GraphLayer.nested("c_attn", queryKeyValue());
    }

    @Override
    public SDVariable define(Scope scope, SDVariable x) {
        SDVariable qkv = queryKeyValue().define(scope.in("c_attn"), x); // (B,T,3D)
        return scope.ops().causalAttention(scope.name(), qkv, 1, Dropout.NONE); // (B,T,D)
    }

    private Linear queryKeyValue() {
        return new Linear(nEmbd, 3 * headSize, Initializer.pytorchLinear(nEmbd), null);
    }
}
