package org.minigpt.dl4j;

import java.util.List;
import org.minigpt.graph.GraphLayer;
import org.minigpt.graph.Initializer;
import org.minigpt.graph.Parameter;
import org.minigpt.graph.Scope;
import org.nd4j.autodiff.samediff.SDVariable;

/** x [B,T,C] to the logits x·Wᵀ + b, [B,T,V]: W [V,C] as Hugging Face's {@code lm_head.weight}. */
record LanguageModelHead(long nIn, long nOut, boolean bias) implements GraphLayer {
    static final String LOGITS = "logits";

    @Override
    public List<Parameter> parameters() {
        Parameter weight = Parameter.of("weight", Initializer.zeros(), nOut, nIn);
        return bias ? List.of(weight, Parameter.of("bias", Initializer.zeros(), nOut)) : List.of(weight);
    }

    @Override
    public SDVariable define(Scope scope, SDVariable x) {
        return scope.ops()
                .linear(scope.name(LOGITS), x, scope.parameter("weight"), bias ? scope.parameter("bias") : null, true);
    }
}
