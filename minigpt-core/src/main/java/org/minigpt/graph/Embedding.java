package org.minigpt.graph;

import java.util.List;
import org.minigpt.graph.Parameter.Initializer;
import org.nd4j.autodiff.samediff.SDVariable;

/**
 * Token plus learned position embedding: ids [B,T] to wte[ids] + wpe[0..T), [B,T,C]; parameters {@code wte.weight}
 * [V,C] and {@code wpe.weight} [block_size,C]. Without learned positions it is wte[ids].
 *
 * @param positions whether it has {@code wpe.weight}: whether they are learned ones
 * @param dropout the share of the sum's entries that is dropped in training
 */
public record Embedding(long vocabSize, long blockSize, long nEmbd, boolean positions, Initializer init, double dropout)
        implements GraphLayer {

    @Override
    public List<Parameter> parameters() {
        Parameter wte = Parameter.of("wte.weight", init, vocabSize, nEmbd);
        return positions ? List.of(wte, Parameter.of("wpe.weight", init, blockSize, nEmbd)) : List.of(wte);
    }

    @Override
    public SDVariable define(Scope scope, SDVariable ids) {
        SDVariable wpe = positions ? scope.parameter("wpe.weight") : null;
        SDVariable x = scope.ops().embedding(scope.name("embedding"), scope.parameter("wte.weight"), wpe, ids);
        return scope.ops().dropout(scope.name("drop"), x, scope.dropout("drop", dropout));
    }
}
