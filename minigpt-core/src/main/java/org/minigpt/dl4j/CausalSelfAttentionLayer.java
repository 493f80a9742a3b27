package org.minigpt.dl4j;

import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.minigpt.graph.GraphLayer;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * Causal multi-head self-attention with its output projection: [B,nIn,T] to [B,nOut,T], where a step sees itself and
 * what is before it. Parameters {@code cAttn.weight} [nIn,3·nOut], queries, keys and values side by side, {@code
 * cProj.weight} [nOut,nOut] and their biases. With K heads of keys and values, {@code cAttn.weight} is
 * [nIn,nOut+2·nOut·K/H].
 *
 * <pre>{@code
 * new CausalSelfAttentionLayer.Builder().nHeads(4).nOut(64).build()
 * }</pre>
 */
public final class CausalSelfAttentionLayer extends AttentionLayer {
    private static final long serialVersionUID = 1L;

    /** For DL4J, when it reads a saved network. */
    CausalSelfAttentionLayer() {}

    private CausalSelfAttentionLayer(Builder builder) {
        super(builder);
    }

    @Override
    protected GraphLayer fragment() {
        return attention();
    }

    @Override
    GptLayerImpl implementation(NeuralNetConfiguration conf, DataType dataType) {
        return new Impl(conf, dataType);
    }

    /** Of a class of its own for the name that a network's summary shows. */
    private static final class Impl extends GptLayerImpl {
        private static final long serialVersionUID = 1L;

        Impl(NeuralNetConfiguration conf, DataType dataType) {
            super(conf, dataType);
        }
    }

    /** Collects the settings. */
    @SuppressWarnings("unchecked") // DL4J's build() returns whatever its caller wants
    public static final class Builder extends AttentionLayer.Builder<Builder> {
        @Override
        public CausalSelfAttentionLayer build() {
            return new CausalSelfAttentionLayer(this);
        }
    }
}
