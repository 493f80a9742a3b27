package org.minigpt.model;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.minigpt.graph.Block;
import org.minigpt.graph.CausalSelfAttention;
import org.minigpt.graph.Embedding;
import org.minigpt.graph.FeedForward;
import org.minigpt.graph.GraphLayer;
import org.minigpt.graph.Initializer;
import org.minigpt.graph.LayerNorm;
import org.minigpt.graph.Linear;
import org.minigpt.graph.OpSet;
import org.minigpt.graph.Parameter;
import org.minigpt.graph.Scope;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.model.GptConfig.Initialization;
import org.minigpt.runtime.Graphs;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The layers of a GPT, put together from a configuration: ids [B,T] to embedding, L blocks, {@code ln_f} and the head,
 * to logits [B,T,V]. Follows the lecture's {@code GPTLanguageModel} and nanoGPT's {@code GPT}.
 */
final class GptGraph implements GraphLayer {
    private static final double NANOGPT_DEVIATION = 0.02;

    private final GptConfig config;
    private final Embedding embedding;
    private final List<Block> blocks = new ArrayList<>();
    private final LayerNorm lnF;

    GptGraph(GptConfig config) {
        this.config = config;
        this.embedding = new Embedding(
                config.vocabSize(),
                config.blockSize(),
                config.nEmbd(),
                nanoGpt() ? Initializer.normal(NANOGPT_DEVIATION) : Initializer.normal(1),
                config.dropout());
        for (int i = 0; i < config.nLayer(); i++) {
            blocks.add(block());
        }
        this.lnF = norm();
    }

    /**
     * @param parameters by name; the graph keeps these very arrays
     * @return a graph from the placeholders of {@link Gpt} to its logits and loss
     */
    static SameDiff build(GptConfig config, Map<String, INDArray> parameters, OpSet ops) {
        SameDiff sd = Graphs.create();
        parameters.forEach(sd::var);
        SDVariable ids = sd.placeHolder(Gpt.IDS, DataType.INT32, -1, -1);
        SDVariable targets = sd.placeHolder(Gpt.TARGETS, DataType.INT32, -1, -1);
        SDVariable key = config.dropout() > 0 ? sd.placeHolder(Gpt.DROPOUT_KEY, DataType.INT64) : null;
        SDVariable logits = new GptGraph(config).define(Scope.root(ops, sd::getVariable, key), ids);
        ops.crossEntropy(Gpt.LOSS, logits, targets, Gpt.IGNORE_INDEX);
        sd.setLossVariables(Gpt.LOSS);
        return sd;
    }

    private boolean nanoGpt() {
        return config.initialization() == Initialization.NANOGPT;
    }

    private Block block() {
        long c = config.nEmbd();
        return new Block(
                norm(),
                new CausalSelfAttention(
                        linear(c, 3 * c, false, config.bias() == Bias.ALL),
                        linear(c, c, true, config.bias() != Bias.NONE),
                        config.nHead(),
                        config.dropout()),
                norm(),
                new FeedForward(
                        linear(c, 4 * c, false, config.bias() != Bias.NONE),
                        linear(4 * c, c, true, config.bias() != Bias.NONE),
                        config.activation(),
                        config.dropout()));
    }

    private LayerNorm norm() {
        return new LayerNorm(config.nEmbd(), config.bias() != Bias.NONE, config.normEps());
    }

    private Linear linear(long in, long out, boolean residual, boolean bias) {
        return new Linear(in, out, weightInit(in, residual), bias ? biasInit(in) : null);
    }

    private Initializer weightInit(long in, boolean residual) {
        if (!nanoGpt()) {
            return Initializer.pytorchLinear(in);
        }
        // Each block adds to the residual stream twice.
        return Initializer.normal(NANOGPT_DEVIATION / (residual ? Math.sqrt(2.0 * config.nLayer()) : 1));
    }

    private Initializer biasInit(long in) {
        return nanoGpt() ? Initializer.zeros() : Initializer.pytorchLinear(in);
    }

    private boolean headBias() {
        return !config.tiedHead() && config.bias() != Bias.NONE;
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
            result.add(Parameter.of("lm_head.weight", weightInit(c, false), config.vocabSize(), c));
        }
        if (headBias()) {
            result.add(Parameter.of("lm_head.bias", biasInit(config.nEmbd()), config.vocabSize()));
        }
        return result;
    }

    @Override
    public SDVariable define(Scope scope, SDVariable ids) {
        return head(scope, body(scope, ids));
    }

    /** @return the residual stream after the last block, ids [B,T] to [B,T,C] */
    SDVariable body(Scope scope, SDVariable ids) {
        SDVariable x = embedding.define(scope, ids); // (B,T,C)
        for (int i = 0; i < blocks.size(); i++) {
            x = blocks.get(i).define(scope.in("h." + i), x); // (B,T,C)
        }
        return x;
    }

    /** @return the logits of the tokens after those of the stream, x [B,T,C] to [B,T,V] */
    SDVariable head(Scope scope, SDVariable x) {
        x = lnF.define(scope.in("ln_f"), x); // (B,T,C)
        SDVariable weight = scope.parameter(config.tiedHead() ? "wte.weight" : "lm_head.weight"); // (V,C)
        SDVariable bias = headBias() ? scope.parameter("lm_head.bias") : null;
        return scope.ops().linear(Gpt.LOGITS, x, weight, bias, true); // (B,T,V)
    }
}
