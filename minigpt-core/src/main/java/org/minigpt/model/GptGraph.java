package org.minigpt.model;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import org.minigpt.data.Batch;
import org.minigpt.decode.Decoders;
import org.minigpt.graph.GraphLayer;
import org.minigpt.graph.OpSet;
import org.minigpt.graph.Parameter;
import org.minigpt.graph.Scope;
import org.minigpt.runtime.Graphs;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The layers of a GPT, put together from a configuration: ids [B,T] to embedding, L blocks, {@code ln_f} and the head,
 * to logits [B,T,V]. Follows the lecture's {@code GPTLanguageModel} and nanoGPT's {@code GPT}.
 */
final class GptGraph implements GraphLayer, Decoders.Model.Layers {
    private final GptConfig config;
    private final LayerFactory layers;
    private final GraphLayer embedding;
    private final List<GraphLayer> blocks = new ArrayList<>();
    private final GraphLayer lnF;

    /** @param block makes block i; null for those of the configuration */
    GptGraph(GptConfig config, IntFunction<? extends GraphLayer> block) {
        this.config = config;
        this.layers = new LayerFactory(config);
        this.embedding = layers.embedding();
        for (int i = 0; i < config.nLayer(); i++) {
            blocks.add(block == null ? layers.block() : block.apply(i));
        }
        this.lnF = layers.norm();
    }

    /**
     * @param parameters by name; the graph keeps these very arrays
     * @param whenSet is told the name of a parameter whose values have been set by way of the graph
     * @return a graph from the placeholders of {@link Gpt} to its logits and loss
     */
    SameDiff build(Map<String, INDArray> parameters, OpSet ops, Consumer<String> whenSet) {
        return build(parameters, ops, whenSet, false);
    }

    /** @param packed whether there is a placeholder of positions too, by which a row holds several texts */
    SameDiff build(Map<String, INDArray> parameters, OpSet ops, Consumer<String> whenSet, boolean packed) {
        SameDiff sd = Graphs.create(whenSet);
        parameters.forEach(sd::var);
        SDVariable ids = sd.placeHolder(Gpt.IDS, DataType.INT32, -1, -1);
        SDVariable targets = sd.placeHolder(Gpt.TARGETS, DataType.INT32, -1, -1);
        SDVariable key = config.dropout().any() ? sd.placeHolder(Gpt.DROPOUT_KEY, DataType.INT64) : null;
        OpSet own = packed ? ops.packed(sd.placeHolder(Gpt.POSITIONS, DataType.INT32, -1, -1)) : ops;
        SDVariable logits = define(Scope.root(own, sd::getVariable, key), ids);
        own.crossEntropy(Gpt.LOSS, logits, targets, Batch.IGNORE_INDEX);
        sd.setLossVariables(Gpt.LOSS);
        return sd;
    }

    private boolean headBias() {
        return !config.tiedHead() && config.bias().ofRest();
    }

    @Override
    public List<Parameter> parameters() {
        List<Parameter> result = new ArrayList<>(embedding.parameters());
        for (int i = 0; i < blocks.size(); i++) {
            result.addAll(GraphLayer.nested("h." + i, blocks.get(i)));
        }
        result.addAll(GraphLayer.nested("ln_f", lnF));
        if (!config.tiedHead()) {
            long c = config.nEmbd();
            result.add(Parameter.of("lm_head.weight", layers.weightInit(c, false), config.vocabSize(), c));
        }
        if (headBias()) {
            result.add(Parameter.of("lm_head.bias", layers.biasInit(config.nEmbd()), config.vocabSize()));
        }
        return result;
    }

    @Override
    public SDVariable define(Scope scope, SDVariable ids) {
        return head(scope, body(scope, ids));
    }

    @Override
    public SDVariable body(Scope scope, SDVariable ids) {
        SDVariable x = embedding.define(scope, ids); // (B,T,C)
        for (int i = 0; i < blocks.size(); i++) {
            x = blocks.get(i).define(scope.in("h." + i), x); // (B,T,C)
        }
        return x;
    }

    @Override
    public SDVariable head(Scope scope, SDVariable x) {
        x = lnF.define(scope.in("ln_f"), x); // (B,T,C)
        SDVariable weight = scope.parameter(config.tiedHead() ? "wte.weight" : "lm_head.weight"); // (V,C)
        SDVariable bias = headBias() ? scope.parameter("lm_head.bias") : null;
        return scope.ops().linear(Gpt.LOGITS, x, weight, bias, true); // (B,T,V)
    }
}
