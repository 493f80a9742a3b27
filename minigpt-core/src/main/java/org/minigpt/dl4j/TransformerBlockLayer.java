package org.minigpt.dl4j;

import java.util.List;
import org.minigpt.graph.Activation;
import org.minigpt.graph.Block;
import org.minigpt.graph.CausalSelfAttention;
import org.minigpt.graph.FeedForward;
import org.minigpt.graph.GraphLayer;
import org.minigpt.graph.Initializer;
import org.minigpt.graph.LayerNorm;
import org.minigpt.graph.Linear;

/**
 * A transformer block with the norms in front: [B,C,T] to [B,C,T] by {@code x = x + attn(ln_1(x)); x = x + mlp(ln_2(x))}.
 * Parameters {@code ln1.weight}, {@code attn.cAttn.weight} [C,3C], {@code attn.cProj.weight} [C,C], {@code ln2.weight},
 * {@code mlp.cFc.weight} [C,4C], {@code mlp.cProj.weight} [4C,C] and biases.
 *
 * <pre>{@code
 * new TransformerBlockLayer.Builder().nHeads(4).build()
 * }</pre>
 */
public final class TransformerBlockLayer extends GptLayer {
    private static final long serialVersionUID = 1L;

    private long nHeads;
    private Activation activation;
    private boolean hasBias;
    private boolean attentionBias;
    private double eps;
    private double dropoutRate;

    /** For DL4J, when it reads a saved network. */
    TransformerBlockLayer() {}

    private TransformerBlockLayer(Builder builder) {
        super(builder);
        nHeads = builder.nHeads;
        activation = builder.activation;
        hasBias = builder.hasBias;
        attentionBias = builder.attentionBias;
        eps = builder.eps;
        dropoutRate = builder.dropoutRate;
    }

    @Override
    protected GraphLayer fragment() {
        long c = getNOut();
        return new Block(
                new LayerNorm(c, hasBias, eps),
                new CausalSelfAttention(
                        linear(c, 3 * c, attentionBias), linear(c, c, hasBias), Math.toIntExact(nHeads), dropoutRate),
                new LayerNorm(c, hasBias, eps),
                new FeedForward(linear(c, 4 * c, hasBias), linear(4 * c, c, hasBias), activation, dropoutRate));
    }

    private static Linear linear(long in, long out, boolean bias) {
        return new Linear(in, out, Initializer.zeros(), bias ? Initializer.zeros() : null);
    }

    @Override
    protected void check() {
        super.check();
        LayerChecks.heads(describe(), nHeads, getNOut());
        LayerChecks.eps(describe(), eps);
        LayerChecks.share(describe(), "dropoutRate", dropoutRate);
    }

    @Override
    boolean keepsSize() {
        return true;
    }

    /** @return the number of heads H, which divides C */
    public long getNHeads() {
        return nHeads;
    }

    /** @return the non-linearity of the feed-forward */
    public Activation getActivation() {
        return activation;
    }

    /** @return whether norms, projections and the feed-forward have biases */
    public boolean hasBias() {
        return hasBias;
    }

    /** @return whether queries, keys and values have biases */
    public boolean attentionBias() {
        return attentionBias;
    }

    /** @return what the norms add to the variance */
    public double getEps() {
        return eps;
    }

    /** @return the share of attention's probabilities and of both branches' outputs that is dropped in training */
    public double getDropoutRate() {
        return dropoutRate;
    }

    @Override
    protected List<Object> settings() {
        List<Object> settings = super.settings();
        settings.addAll(List.of(nHeads, activation, hasBias, attentionBias, eps, dropoutRate));
        return settings;
    }

    /** Collects the settings; {@code nOut} is {@code nIn}. */
    @SuppressWarnings("unchecked") // DL4J's build() returns whatever its caller wants
    public static final class Builder extends GptLayer.Builder<Builder> {
        private long nHeads;
        private Activation activation = Activation.RELU;
        private boolean hasBias = true;
        private boolean attentionBias;
        private double eps = 1e-5;
        private double dropoutRate;

        /** Sets the number of heads H, which divides C; there is no default. */
        public Builder nHeads(long nHeads) {
            this.nHeads = nHeads;
            return this;
        }

        /** Sets the non-linearity of the feed-forward; ReLU by default. */
        public Builder activation(Activation activation) {
            this.activation = activation;
            return this;
        }

        /** Sets whether norms, projections and the feed-forward have biases; true by default. */
        public Builder hasBias(boolean hasBias) {
            this.hasBias = hasBias;
            return this;
        }

        /** Sets whether queries, keys and values have biases; false by default, as in the lecture. */
        public Builder attentionBias(boolean attentionBias) {
            this.attentionBias = attentionBias;
            return this;
        }

        /** Sets what the norms add to the variance; 1e-5 by default. */
        public Builder eps(double eps) {
            this.eps = eps;
            return this;
        }

        /** Sets the share of attention's probabilities and of both branches' outputs that is dropped in training; 0 by default. */
        public Builder dropoutRate(double dropoutRate) {
            this.dropoutRate = dropoutRate;
            return this;
        }

        @Override
        public TransformerBlockLayer build() {
            return new TransformerBlockLayer(this);
        }
    }
}
