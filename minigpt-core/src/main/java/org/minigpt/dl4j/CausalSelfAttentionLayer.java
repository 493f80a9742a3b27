package org.minigpt.dl4j;

import java.util.List;
import org.minigpt.graph.CausalSelfAttention;
import org.minigpt.graph.GraphLayer;
import org.minigpt.graph.Initializer;
import org.minigpt.graph.Linear;

/**
 * Causal multi-head self-attention with its output projection: [B,nIn,T] to [B,nOut,T], where a step sees itself and what
 * is before it. Parameters {@code cAttn.weight} [nIn,3·nOut], queries, keys and values side by side, {@code cProj.weight}
 * [nOut,nOut] and their biases.
 *
 * <pre>{@code
 * new CausalSelfAttentionLayer.Builder().nHeads(4).nOut(64).build()
 * }</pre>
 */
public final class CausalSelfAttentionLayer extends GptLayer {
    private static final long serialVersionUID = 1L;

    private long nHeads;
    private boolean hasBias;
    private boolean attentionBias;
    private double dropoutRate;

    /** For DL4J, when it reads a saved network. */
    CausalSelfAttentionLayer() {}

    private CausalSelfAttentionLayer(Builder builder) {
        super(builder);
        nHeads = builder.nHeads;
        hasBias = builder.hasBias;
        attentionBias = builder.attentionBias;
        dropoutRate = builder.dropoutRate;
    }

    @Override
    protected GraphLayer fragment() {
        Initializer zeros = Initializer.zeros();
        return new CausalSelfAttention(
                new Linear(getNIn(), 3 * getNOut(), zeros, attentionBias ? zeros : null),
                new Linear(getNOut(), getNOut(), zeros, hasBias ? zeros : null),
                Math.toIntExact(nHeads),
                dropoutRate);
    }

    @Override
    protected void check() {
        super.check();
        LayerChecks.heads(describe(), nHeads, getNOut());
        LayerChecks.share(describe(), "dropoutRate", dropoutRate);
    }

    /** @return the number of heads H, which divides nOut */
    public long getNHeads() {
        return nHeads;
    }

    /** @return whether the output projection has a bias */
    public boolean hasBias() {
        return hasBias;
    }

    /** @return whether queries, keys and values have biases */
    public boolean attentionBias() {
        return attentionBias;
    }

    /** @return the share of the probabilities, and of the output, that is dropped in training */
    public double getDropoutRate() {
        return dropoutRate;
    }

    @Override
    protected List<Object> settings() {
        List<Object> settings = super.settings();
        settings.addAll(List.of(nHeads, hasBias, attentionBias, dropoutRate));
        return settings;
    }

    /** Collects the settings. */
    @SuppressWarnings("unchecked") // DL4J's build() returns whatever its caller wants
    public static final class Builder extends GptLayer.Builder<Builder> {
        private long nHeads;
        private boolean hasBias = true;
        private boolean attentionBias;
        private double dropoutRate;

        /** Sets the number of heads H, which divides nOut; there is no default. */
        public Builder nHeads(long nHeads) {
            this.nHeads = nHeads;
            return this;
        }

        /** Sets whether the output projection has a bias; true by default. */
        public Builder hasBias(boolean hasBias) {
            this.hasBias = hasBias;
            return this;
        }

        /** Sets whether queries, keys and values have biases; false by default, as in the lecture. */
        public Builder attentionBias(boolean attentionBias) {
            this.attentionBias = attentionBias;
            return this;
        }

        /** Sets the share of the probabilities, and of the output, that is dropped in training; 0 by default. */
        public Builder dropoutRate(double dropoutRate) {
            this.dropoutRate = dropoutRate;
            return this;
        }

        @Override
        public CausalSelfAttentionLayer build() {
            return new CausalSelfAttentionLayer(this);
        }
    }
}
