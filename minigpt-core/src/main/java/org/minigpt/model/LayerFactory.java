package org.minigpt.model;

import org.minigpt.graph.Block;
import org.minigpt.graph.CausalSelfAttention;
import org.minigpt.graph.Embedding;
import org.minigpt.graph.FeedForward;
import org.minigpt.graph.GraphLayer;
import org.minigpt.graph.LayerNorm;
import org.minigpt.graph.Linear;
import org.minigpt.graph.Parameter.Initializer;
import org.minigpt.graph.Positions;
import org.minigpt.graph.RmsNorm;
import org.minigpt.graph.SwiGlu;
import org.minigpt.model.GptConfig.Initialization;
import org.minigpt.model.GptConfig.Norm;

/**
 * The layers that a configuration asks for, so that a block of one's own can have some of them:
 *
 * <pre>{@code
 * LayerFactory layers = new LayerFactory(config);
 * Gpt gpt = Gpt.builder(config)
 *         .block(i -> new Block(layers.norm(), layers.attention(), layers.norm(), new MyFeedForward(layers)))
 *         .build();
 * }</pre>
 */
public final class LayerFactory {
    private static final double NANOGPT_DEVIATION = 0.02;

    private final GptConfig config;

    /** @param config of the model that the layers are for */
    public LayerFactory(GptConfig config) {
        this.config = config;
    }

    /** @return ids [B,T] to [B,T,C] */
    public GraphLayer embedding() {
        // As a head, rows of N(0, 1) would make logits of √C and a first loss far above ln V.
        Initializer init = Initializer.normal(nanoGpt() || config.tiedHead() ? NANOGPT_DEVIATION : 1);
        return new Embedding(
                config.vocabSize(),
                config.blockSize(),
                config.nEmbd(),
                config.positions() instanceof Positions.Learned,
                init,
                config.dropout().embd());
    }

    /** @return a block, [B,T,C] to [B,T,C] */
    public GraphLayer block() {
        return new Block(norm(), attention(), norm(), feedForward());
    }

    /** @return the norm of a block or the last one, [B,T,C] to [B,T,C] */
    public GraphLayer norm() {
        return config.norm() == Norm.RMS
                ? new RmsNorm(config.nEmbd(), config.normEps())
                : new LayerNorm(config.nEmbd(), config.bias().ofRest(), config.normEps());
    }

    /** @return the attention of a block with its projections, [B,T,C] to [B,T,C] */
    public GraphLayer attention() {
        long c = config.nEmbd();
        return new CausalSelfAttention(
                linear(c, config.qkvWidth(), false, config.bias().ofQkv()),
                linear((long) config.nHead() * config.headSize(), c, true),
                config.nHead(),
                config.nKvHead(),
                config.qkNorm() ? new RmsNorm(config.headSize(), config.normEps()) : null,
                config.positions(),
                config.dropout().attn(),
                config.dropout().resid());
    }

    /** @return the feed-forward of a block, [B,T,C] to [B,T,C] */
    public GraphLayer feedForward() {
        long c = config.nEmbd();
        long inner = config.nInner();
        double dropout = config.dropout().resid();
        return config.mlp()
                .activation()
                .<GraphLayer>map(act -> new FeedForward(linear(c, inner, false), linear(inner, c, true), act, dropout))
                .orElseGet(() -> new SwiGlu(linear(c, 2 * inner, false), linear(inner, c, true), dropout));
    }

    /**
     * A linear layer, drawn as the configuration wants it, with a bias unless it wants none.
     *
     * @param residual whether its output is added to the residual stream, for which nanoGPT draws smaller weights
     */
    public Linear linear(long in, long out, boolean residual) {
        return linear(in, out, residual, config.bias().ofRest());
    }

    private Linear linear(long in, long out, boolean residual, boolean bias) {
        return new Linear(in, out, weightInit(in, residual), bias ? biasInit(in) : null);
    }

    private boolean nanoGpt() {
        return config.initialization() != Initialization.LECTURE;
    }

    Initializer weightInit(long in, boolean residual) {
        if (!nanoGpt()) {
            return Initializer.pytorchLinear(in);
        }
        if (residual && config.initialization() == Initialization.ZERO_PROJECTIONS) {
            return Initializer.zeros();
        }
        // Each block adds to the residual stream twice.
        return Initializer.normal(NANOGPT_DEVIATION / (residual ? Math.sqrt(2.0 * config.nLayer()) : 1));
    }

    Initializer biasInit(long in) {
        return nanoGpt() ? Initializer.zeros() : Initializer.pytorchLinear(in);
    }
}
