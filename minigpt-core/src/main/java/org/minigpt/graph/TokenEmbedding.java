package org.minigpt.graph;

import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;

/**
 * Token embedding without positions: ids [B,T] to wte[ids], [B,T,C]; parameter {@code wte.weight} [V,C].
 *
 * @param dropout the share of the entries that is dropped in training
 */
public record TokenEmbedding(long vocabSize, long nEmbd, Initializer init, double dropout) implements GraphLayer {

    @Override
    public List<Parameter> parameters() {
        return List.of(Parameter.of("wte.weight", init, vocabSize, nEmbd));
    }

    @Override
    public SDVariable define(Scope scope, SDVariable ids) {
        SDVariable x = scope.ops().embedding(scope.name("embedding"), scope.parameter("wte.weight"), null, ids);
        return scope.ops().dropout(scope.name("drop"), x, scope.dropout("drop", dropout));
    }
}
