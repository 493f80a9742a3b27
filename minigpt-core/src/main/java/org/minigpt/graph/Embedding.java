package org.minigpt.graph;

import java.util.List;
import org.nd4j.autodiff.samediff.SDVariable;

/**
 * Token plus learned position embedding: ids [B,T] to wte[ids] + wpe[0..T), [B,T,C]; parameters {@code wte.weight}
 * [V,C] and {@code wpe.weight} [block_size,C].
 *
 * @param dropout the share of the sum's entries that is dropped in training
 */
public record Embedding(long vocabSize, long blockSize, long nEmbd, Initializer init, double dropout)
        implements GraphLayer {

    @Override
    public List<Parameter> parameters() {
        return List.of(
                Parameter.of("wte.weight", init, vocabSize, nEmbd), Parameter.of("wpe.weight", init, blockSize, nEmbd));
    }

    @Override
    public SDVariable define(Scope scope, SDVariable ids) {
        SDVariable x = scope.ops()
                .embedding(scope.name("embedding"), scope.parameter("wte.weight"), scope.parameter("wpe.weight"), ids);
        return scope.ops().dropout(scope.name("drop"), x, scope.dropout("drop", dropout));
    }
}
