package org.minigpt.decode;

import java.util.Map;
import java.util.function.Function;
import org.minigpt.graph.Scope;
import org.minigpt.internal.parallel.Lifetime;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * A model as its decoders see it.
 *
 * @param vocabSize V
 * @param blockSize the longest context
 * @param parameters by name
 * @param layers to be defined anew with an op set that remembers keys and values; null if it is not known that each of
 *     them can be, and whole contexts are run
 * @param logits of what follows a context, by the model's own graph: ids [T] to [V]
 * @param lifetime of the parameters
 */
public record DecoderModel(
        int vocabSize,
        int blockSize,
        Map<String, INDArray> parameters,
        Layers layers,
        Function<int[], double[]> logits,
        Lifetime lifetime) {

    /**
     * The layers of a model in two parts, between which a decoder leaves only the tokens that something is predicted
     * from.
     */
    public interface Layers {
        /** @return the residual stream after the last block, ids [B,T] to [B,T,C] */
        SDVariable body(Scope scope, SDVariable ids);

        /** @return the logits of the tokens after those of the stream, x [B,T,C] to [B,T,V] */
        SDVariable head(Scope scope, SDVariable x);
    }
}
