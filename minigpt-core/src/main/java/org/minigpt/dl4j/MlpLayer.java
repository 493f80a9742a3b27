package org.minigpt.dl4j;

import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.minigpt.graph.FeedForward;
import org.minigpt.graph.FeedForward.Activation;
import org.minigpt.graph.GraphLayer;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * The feed-forward network of a GPT, Hugging Face's {@code mlp}: [B,nIn,T] to act(x·W₁ + b₁)·W₂ + b₂, [B,nOut,T], each
 * step by itself. Parameters {@code cFc.weight} [nIn,nHidden], {@code cProj.weight} [nHidden,nOut] and their biases.
 *
 * <pre>{@code
 * new MlpLayer.Builder().nOut(64).activation(Activation.GELU).build()
 * }</pre>
 */
public final class MlpLayer extends GptLayer {
    private static final long serialVersionUID = 1L;

    private long nHidden; // 0 for the default
    private Activation activation;
    private boolean hasBias;
    private double dropoutRate;

    /** For DL4J, when it reads a saved network. */
    MlpLayer() {}

    private MlpLayer(Builder builder) {
        super(builder);
        nHidden = builder.nHidden;
        activation = builder.activation;
        hasBias = builder.hasBias;
        dropoutRate = builder.dropoutRate;
    }

    @Override
    protected GraphLayer fragment() {
        return new FeedForward(
                LayerParameters.linear(getNIn(), getNHidden(), hasBias),
                LayerParameters.linear(getNHidden(), getNOut(), hasBias),
                activation,
                dropoutRate);
    }

    @Override
    protected void check() {
        super.check();
        LayerChecks.notNegative(describe(), "nHidden", nHidden);
        LayerChecks.share(describe(), "dropoutRate", dropoutRate);
    }

    /** @return the width between the two matrices */
    public long getNHidden() {
        return nHidden > 0 ? nHidden : 4 * getNIn();
    }

    /** @return the non-linearity */
    public Activation getActivation() {
        return activation;
    }

    /** @return whether the two have biases */
    public boolean hasBias() {
        return hasBias;
    }

    /** @return the share of the output that is dropped in training */
    public double getDropoutRate() {
        return dropoutRate;
    }

    @Override
    protected boolean isStepwise() {
        return true;
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
    public static final class Builder extends GptLayer.Builder<Builder> {
        private long nHidden;
        private Activation activation = Activation.RELU;
        private boolean hasBias = true;
        private double dropoutRate;

        /** Sets the width between the two matrices; 4·nIn by default. */
        public Builder nHidden(long nHidden) {
            this.nHidden = nHidden;
            return this;
        }

        /** Sets the non-linearity; ReLU by default. */
        public Builder activation(Activation activation) {
            this.activation = activation;
            return this;
        }

        /** Sets whether the two have biases; true by default. */
        public Builder hasBias(boolean hasBias) {
            this.hasBias = hasBias;
            return this;
        }

        /** Sets the share of the output that is dropped in training; 0 by default. */
        public Builder dropoutRate(double dropoutRate) {
            this.dropoutRate = dropoutRate;
            return this;
        }

        @Override
        public MlpLayer build() {
            return new MlpLayer(this);
        }
    }
}
