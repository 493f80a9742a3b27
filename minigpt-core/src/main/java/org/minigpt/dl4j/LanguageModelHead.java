package org.minigpt.dl4j;

import java.util.ArrayList;
import java.util.List;
import org.minigpt.graph.GraphLayer;
import org.minigpt.graph.Parameter;
import org.minigpt.graph.Parameter.Initializer;
import org.minigpt.graph.Scope;
import org.nd4j.autodiff.samediff.SDVariable;

/**
 * x [B,T,C] to the logits x·Wᵀ + b, [B,T,V]: W [V,C] as Hugging Face's {@code lm_head.weight}.
 *
 * @param tied whether W is no parameter of its own
 */
record LanguageModelHead(long nIn, long nOut, boolean bias, boolean tied) implements GraphLayer {
    static final String LOGITS = "logits";
    static final String WEIGHT = "weight";
    static final String BIAS = "bias";

    @Override
    public List<Parameter> parameters() {
        List<Parameter> parameters = new ArrayList<>();
        if (!tied) {
            parameters.add(Parameter.of(WEIGHT, Initializer.zeros(), nOut, nIn));
        }
        if (bias) {
            parameters.add(Parameter.of(BIAS, Initializer.zeros(), nOut));
        }
        return parameters;
    }

    @Override
    public SDVariable define(Scope scope, SDVariable x) {
        return scope.ops()
                .linear(scope.name(LOGITS), x, scope.parameter(WEIGHT), bias ? scope.parameter(BIAS) : null, true);
    }
}
