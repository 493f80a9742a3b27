package org.minigpt.dl4j;

import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.minigpt.graph.GraphLayer;
import org.minigpt.graph.RmsNorm;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * RMSNorm over the features of each step, Llama's norm: [B,C,T] to x/√(E[x²] + eps)·weight, [B,C,T]; parameter
 * {@code weight} (the gain).
 *
 * <pre>{@code
 * new RmsNormLayer.Builder().build()
 * }</pre>
 */
public final class RmsNormLayer extends GptLayer {
    private static final long serialVersionUID = 1L;

    private double eps;

    /** For DL4J, when it reads a saved network. */
    RmsNormLayer() {}

    private RmsNormLayer(Builder builder) {
        super(builder);
        eps = builder.eps;
    }

    @Override
    protected GraphLayer fragment() {
        return new RmsNorm(getNOut(), eps);
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

    /** @return what is added to the mean square */
    public double getEps() {
        return eps;
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

        /** Sets what is added to the mean square; 1e-5 by default. */
        public Builder eps(double eps) {
            this.eps = eps;
            return this;
        }

        @Override
        public RmsNormLayer build() {
            return new RmsNormLayer(this);
        }
    }
}
