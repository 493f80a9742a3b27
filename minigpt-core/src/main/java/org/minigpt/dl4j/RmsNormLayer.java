package org.minigpt.dl4j;

import java.util.List;
import org.minigpt.graph.GraphLayer;
import org.minigpt.graph.RmsNorm;

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
    protected List<Object> settings() {
        List<Object> settings = super.settings();
        settings.add(eps);
        return settings;
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
