package org.minigpt.dl4j;

import org.minigpt.graph.CausalSelfAttention;
import org.minigpt.graph.Positions;

/** What the layers with causal self-attention have in common: heads, positions, biases and dropout. */
abstract class AttentionLayer extends GptLayer {
    private static final long serialVersionUID = 1L;

    private long nHeads;
    private long nKvHeads; // 0 for as many as there are heads
    private Positions.Kind positions = Positions.Kind.LEARNED; // and their setting as saved networks have them
    private double ropeTheta = Positions.Rotary.DEFAULT_THETA;
    private boolean hasBias;
    private boolean attentionBias;
    private double dropoutRate;
    private Double attentionDropoutRate; // null for that of the rest

    /** For DL4J, when it reads a saved network. */
    AttentionLayer() {}

    AttentionLayer(Builder<?> builder) {
        super(builder);
        nHeads = builder.nHeads;
        nKvHeads = builder.nKvHeads;
        positions = builder.positions.kind();
        if (builder.positions instanceof Positions.Rotary rotary) {
            LayerChecks.noRopeScaling(rotary);
            ropeTheta = rotary.theta();
        }
        hasBias = builder.hasBias;
        attentionBias = builder.attentionBias;
        dropoutRate = builder.dropoutRate;
        attentionDropoutRate = builder.attentionDropoutRate;
        if (getNKvHeads() != nHeads
                || positions != Positions.Kind.LEARNED
                || getAttentionDropoutRate() != dropoutRate) {
            requireFormat(LayerChecks.FORMAT_WITH_LLAMA);
        }
    }

    /** @return the attention with its projections, [B,T,nIn] to [B,T,nOut] */
    final CausalSelfAttention attention() {
        long c = getNOut();
        long d = c / nHeads;
        return new CausalSelfAttention(
                LayerParameters.linear(getNIn(), d * (nHeads + 2 * getNKvHeads()), attentionBias),
                LayerParameters.linear(c, c, hasBias),
                Math.toIntExact(nHeads),
                Math.toIntExact(getNKvHeads()),
                null,
                getPositions(),
                getAttentionDropoutRate(),
                dropoutRate);
    }

    @Override
    protected void check() {
        super.check();
        LayerChecks.heads(describe(), nHeads, getNOut());
        LayerChecks.kvHeads(describe(), nHeads, getNKvHeads());
        LayerChecks.positions(describe(), positions, getNOut() / nHeads, ropeTheta);
        LayerChecks.share(describe(), "dropoutRate", dropoutRate);
        LayerChecks.share(describe(), "attentionDropoutRate", getAttentionDropoutRate());
    }

    /** @return the number of heads H, which divides nOut */
    public final long getNHeads() {
        return nHeads;
    }

    /** @return the number of heads of keys and values K, which divides H */
    public final long getNKvHeads() {
        return nKvHeads == 0 ? nHeads : nKvHeads;
    }

    /** @return what attention knows of positions; of learned ones nothing, since an embedding has them */
    public final Positions getPositions() {
        return Positions.of(positions, ropeTheta);
    }

    /** @return whether the output projection has a bias, and what else there is but queries, keys and values */
    public final boolean hasBias() {
        return hasBias;
    }

    /** @return whether queries, keys and values have biases */
    public final boolean attentionBias() {
        return attentionBias;
    }

    /** @return the share of each output's entries that is dropped in training */
    public final double getDropoutRate() {
        return dropoutRate;
    }

    /** @return the share of attention's probabilities that is dropped in training */
    public final double getAttentionDropoutRate() {
        return attentionDropoutRate == null ? dropoutRate : attentionDropoutRate;
    }

    /** What the builders of layers with attention have in common. */
    public abstract static class Builder<T extends Builder<T>> extends GptLayer.Builder<T> {
        private long nHeads;
        private long nKvHeads;
        private Positions positions = new Positions.Learned();
        private boolean hasBias = true;
        private boolean attentionBias;
        private double dropoutRate;
        private Double attentionDropoutRate;

        Builder() {}

        /** Sets the number of heads H, which divides nOut; there is no default. */
        public T nHeads(long nHeads) {
            this.nHeads = nHeads;
            return self();
        }

        /**
         * Sets the number of heads of keys and values, a divisor of H, each of which serves several heads of queries
         * (Ainslie et al. 2023, arXiv:2305.13245); as many as H by default.
         */
        public T nKvHeads(long nKvHeads) {
            this.nKvHeads = nKvHeads;
            return self();
        }

        /**
         * Sets how attention knows where a step stands; learned positions, the default, are left to the embedding. All
         * layers of a network should have the same.
         */
        public T positions(Positions positions) {
            this.positions = positions;
            return self();
        }

        /** Sets whether there are biases but for those of queries, keys and values; true by default. */
        public T hasBias(boolean hasBias) {
            this.hasBias = hasBias;
            return self();
        }

        /** Sets whether queries, keys and values have biases; false by default, as in the lecture. */
        public T attentionBias(boolean attentionBias) {
            this.attentionBias = attentionBias;
            return self();
        }

        /** Sets the share of attention's probabilities and of each output that is dropped in training; 0 by default. */
        public T dropoutRate(double dropoutRate) {
            this.dropoutRate = dropoutRate;
            return self();
        }

        /**
         * Sets the share of attention's probabilities that is dropped in training, if it is not {@code dropoutRate}.
         */
        public T attentionDropoutRate(double attentionDropoutRate) {
            this.attentionDropoutRate = attentionDropoutRate;
            return self();
        }
    }
}
