package org.minigpt.dl4j;

import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.minigpt.graph.GraphLayer;
import org.minigpt.graph.SwiGlu;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * The gated feed-forward network of Llama: [B,nIn,T] to (silu(x·W)·x·V)·W₂, [B,nOut,T], each step by itself. Parameters
 * {@code gateUpProj.weight} [nIn,2·nHidden], W and V side by side, {@code downProj.weight} [nHidden,nOut] and their
 * biases.
 *
 * <pre>{@code
 * new SwiGluLayer.Builder().nOut(64).hasBias(false).build()
 * }</pre>
 */
public final class SwiGluLayer extends GptLayer {
    private static final long serialVersionUID = 1L;

    private long nHidden; // 0 for the default
    private boolean hasBias;
    private double dropoutRate;

    /** For DL4J, when it reads a saved network. */
    SwiGluLayer() {}

    private SwiGluLayer(Builder builder) {
        super(builder);
        nHidden = builder.nHidden;
        hasBias = builder.hasBias;
        dropoutRate = builder.dropoutRate;
    }

    @Override
    protected GraphLayer fragment() {
        return new SwiGlu(
                LayerParameters.linear(getNIn(), 2 * getNHidden(), hasBias),
                LayerParameters.linear(getNHidden(), getNOut(), hasBias),
                dropoutRate);
    }

    @Override
    protected void check() {
        super.check();
        LayerChecks.notNegative(describe(), "nHidden", nHidden);
        LayerChecks.share(describe(), "dropoutRate", dropoutRate);
    }

    /** @return the width between the matrices */
    public long getNHidden() {
        return nHidden > 0 ? nHidden : SwiGlu.width(getNIn());
    }

    /** @return whether the matrices have biases */
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
        private boolean hasBias = true;
        private double dropoutRate;

        /** Sets the width between the matrices; 8·nIn/3 rounded up to a multiple of 16 by default. */
        public Builder nHidden(long nHidden) {
            this.nHidden = nHidden;
            return this;
        }

        /** Sets whether the matrices have biases; true by default. */
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
        public SwiGluLayer build() {
            return new SwiGluLayer(this);
        }
    }
}
