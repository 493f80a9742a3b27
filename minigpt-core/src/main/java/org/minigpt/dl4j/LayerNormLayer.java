package org.minigpt.dl4j;

import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.minigpt.graph.GraphLayer;
import org.minigpt.graph.LayerNorm;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * LayerNorm over the features of each step: [B,C,T] to [B,C,T]; parameters {@code weight} (the gain) and {@code bias}.
 * Also the final norm {@code ln_f} of a GPT.
 *
 * <pre>{@code
 * new LayerNormLayer.Builder().build()
 * }</pre>
 */
public final class LayerNormLayer extends GptLayer {
    private static final long serialVersionUID = 1L;

    private double eps;
    private boolean hasBias;

    /** For DL4J, when it reads a saved network. */
    LayerNormLayer() {}

    private LayerNormLayer(Builder builder) {
        super(builder);
        eps = builder.eps;
        hasBias = builder.hasBias;
    }

    @Override
    protected GraphLayer fragment() {
        return new LayerNorm(getNOut(), hasBias, eps);
    }

    @Override
    protected void check() {
        super.check();
        LayerChecks.eps(describe(), eps);
    }

    @Override
    boolean keepsSize() {
        return true;
    }

    /** @return what is added to the variance */
    public double getEps() {
        return eps;
    }

    /** @return whether there is a bias */
    public boolean hasBias() {
        return hasBias;
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

    /** Collects the settings; {@code nOut} is {@code nIn}. */
    @SuppressWarnings("unchecked") // DL4J's build() returns whatever its caller wants
    public static final class Builder extends GptLayer.Builder<Builder> {
        private double eps = 1e-5;
        private boolean hasBias = true;

        /** Sets what is added to the variance; 1e-5 by default. */
        public Builder eps(double eps) {
            this.eps = eps;
            return this;
        }

        /** Sets whether there is a bias; true by default. */
        public Builder hasBias(boolean hasBias) {
            this.hasBias = hasBias;
            return this;
        }

        @Override
        public LayerNormLayer build() {
            return new LayerNormLayer(this);
        }
    }
}
