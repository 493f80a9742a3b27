package org.minigpt.ui;

import java.util.function.Supplier;
import org.deeplearning4j.nn.api.ParamInitializer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.params.EmptyParamInitializer;
import org.deeplearning4j.nn.weights.IWeightInit;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.learning.config.Adam;

/**
 * A layer as the UI's model page shows it: sizes, the number of parameters, how they are drawn and updated. The page
 * gives all of these for layers that extend DL4J's {@code FeedForwardLayer} only, and takes the name of the class for
 * the type. Nothing is ever computed with it.
 */
abstract class ShownLayer extends DenseLayer {
    private static final long serialVersionUID = 1L;

    private long parameters;

    /**
     * @param type the class of the layer
     * @param nIn its width at the input
     * @param nOut and at the output
     * @param drawn how its matrices are drawn; null if that is not known
     */
    static ShownLayer of(
            Supplier<ShownLayer> type,
            long nIn,
            long nOut,
            long parameters,
            IActivation activation,
            IWeightInit drawn) {
        ShownLayer layer = type.get();
        layer.setNIn(nIn);
        layer.setNOut(nOut);
        layer.setActivationFn(activation);
        layer.setWeightInitFn(drawn);
        layer.setIUpdater(new AdamW());
        layer.parameters = parameters;
        return layer;
    }

    /** For DL4J's JSON. */
    public long getParameters() {
        return parameters;
    }

    /** For DL4J's JSON. */
    public void setParameters(long parameters) {
        this.parameters = parameters;
    }

    @Override
    public ParamInitializer initializer() {
        return new EmptyParamInitializer() {
            @Override
            public long numParams(NeuralNetConfiguration configuration) {
                return parameters;
            }
        };
    }

    // DL4J reads them by their names, which are the types that the page shows.

    static final class Embedding extends ShownLayer {
        private static final long serialVersionUID = 1L;
    }

    static final class LayerNorm extends ShownLayer {
        private static final long serialVersionUID = 1L;
    }

    static final class RmsNorm extends ShownLayer {
        private static final long serialVersionUID = 1L;
    }

    static final class CausalSelfAttention extends ShownLayer {
        private static final long serialVersionUID = 1L;
    }

    static final class FeedForward extends ShownLayer {
        private static final long serialVersionUID = 1L;
    }

    static final class SwiGlu extends ShownLayer {
        private static final long serialVersionUID = 1L;
    }

    /** Of a block of somebody's own. */
    static final class Custom extends ShownLayer {
        private static final long serialVersionUID = 1L;
    }

    static final class Output extends ShownLayer {
        private static final long serialVersionUID = 1L;
    }

    /** The trainer's optimizer, of which the page shows the name. */
    static final class AdamW extends Adam {
        private static final long serialVersionUID = 1L;
    }
}
