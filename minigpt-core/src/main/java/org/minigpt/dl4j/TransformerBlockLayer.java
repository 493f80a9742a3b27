package org.minigpt.dl4j;

import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.minigpt.graph.Block;
import org.minigpt.graph.FeedForward;
import org.minigpt.graph.FeedForward.Activation;
import org.minigpt.graph.GraphLayer;
import org.minigpt.graph.LayerNorm;
import org.minigpt.graph.RmsNorm;
import org.minigpt.graph.SwiGlu;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * A transformer block with the norms in front: [B,C,T] to [B,C,T] by {@code x = x + attn(ln_1(x)); x = x +
 * mlp(ln_2(x))}. Parameters {@code ln1.weight}, {@code attn.cAttn.weight} [C,3C], {@code attn.cProj.weight} [C,C],
 * {@code ln2.weight}, {@code mlp.cFc.weight} [C,4C], {@code mlp.cProj.weight} [4C,C] and biases; those of {@link
 * SwiGluLayer} with {@code swiGlu}.
 *
 * <pre>{@code
 * new TransformerBlockLayer.Builder().nHeads(4).build()
 * new TransformerBlockLayer.Builder().nHeads(4).nKvHeads(2).positions(new Positions.Rotary()).rmsNorm(true).swiGlu(true)
 *         .hasBias(false).build() // Llama's
 * }</pre>
 */
public final class TransformerBlockLayer extends AttentionLayer {
    private static final long serialVersionUID = 1L;

    private Activation activation;
    private double eps;
    private boolean rmsNorm;
    private boolean swiGlu;
    private long nHidden; // 0 for the default

    /** For DL4J, when it reads a saved network. */
    TransformerBlockLayer() {}

    private TransformerBlockLayer(Builder builder) {
        super(builder);
        LayerChecks.swiGlu(describe(), builder.swiGlu, builder.activation);
        activation = builder.activation == null ? Activation.RELU : builder.activation;
        eps = builder.eps;
        rmsNorm = builder.rmsNorm;
        swiGlu = builder.swiGlu;
        nHidden = builder.nHidden;
        if (rmsNorm || swiGlu || nHidden != 0) {
            requireFormat(LayerChecks.FORMAT_WITH_LLAMA);
        }
    }

    @Override
    protected GraphLayer fragment() {
        return new Block(norm(), attention(), norm(), mlp());
    }

    private GraphLayer norm() {
        return rmsNorm ? new RmsNorm(getNOut(), eps) : new LayerNorm(getNOut(), hasBias(), eps);
    }

    private GraphLayer mlp() {
        long c = getNOut();
        long inner = getNHidden();
        return swiGlu
                ? new SwiGlu(
                        LayerParameters.linear(c, 2 * inner, hasBias()),
                        LayerParameters.linear(inner, c, hasBias()),
                        getDropoutRate())
                : new FeedForward(
                        LayerParameters.linear(c, inner, hasBias()),
                        LayerParameters.linear(inner, c, hasBias()),
                        activation,
                        getDropoutRate());
    }

    @Override
    protected void check() {
        super.check();
        LayerChecks.eps(describe(), eps);
        LayerChecks.notNegative(describe(), "nHidden", nHidden);
    }

    @Override
    boolean keepsSize() {
        return true;
    }

    /** @return the non-linearity of the feed-forward, unless it is SwiGLU */
    public Activation getActivation() {
        return activation;
    }

    /** @return what the norms add to the variance, or to the mean square */
    public double getEps() {
        return eps;
    }

    /** @return whether the norms are RMSNorm, else LayerNorm */
    public boolean rmsNorm() {
        return rmsNorm;
    }

    /** @return whether the feed-forward is SwiGLU, else that of GPT-2 */
    public boolean swiGlu() {
        return swiGlu;
    }

    /** @return the width of the feed-forward */
    public long getNHidden() {
        return nHidden > 0 ? nHidden : swiGlu ? SwiGlu.width(getNOut()) : 4 * getNOut();
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

    /** Collects the settings; {@code nOut} is {@code nIn}. */
    @SuppressWarnings("unchecked") // DL4J's build() returns whatever its caller wants
    public static final class Builder extends AttentionLayer.Builder<Builder> {
        private Activation activation; // null for the default
        private double eps = 1e-5;
        private boolean rmsNorm;
        private boolean swiGlu;
        private long nHidden;

        /** Sets the non-linearity of the feed-forward; ReLU by default. Not with SwiGLU, which has its own. */
        public Builder activation(Activation activation) {
            this.activation = activation;
            return this;
        }

        /** Sets what the norms add to the variance, or to the mean square; 1e-5 by default. */
        public Builder eps(double eps) {
            this.eps = eps;
            return this;
        }

        /** Sets whether the norms are RMSNorm, which has no bias, instead of LayerNorm; false by default. */
        public Builder rmsNorm(boolean rmsNorm) {
            this.rmsNorm = rmsNorm;
            return this;
        }

        /** Sets whether the feed-forward is SwiGLU, as {@link SwiGluLayer}; false by default. */
        public Builder swiGlu(boolean swiGlu) {
            this.swiGlu = swiGlu;
            return this;
        }

        /** Sets the width of the feed-forward; 4C by default, with SwiGLU 8C/3 rounded up to a multiple of 16. */
        public Builder nHidden(long nHidden) {
            this.nHidden = nHidden;
            return this;
        }

        @Override
        public TransformerBlockLayer build() {
            return new TransformerBlockLayer(this);
        }
    }
}
