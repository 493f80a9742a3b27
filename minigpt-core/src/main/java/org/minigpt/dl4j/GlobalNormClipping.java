package org.minigpt.dl4j;

import java.io.Serializable;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.minigpt.MiniGptException;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Clips the gradients of a network by their norm over all layers, as a GPT is trained: if it is above the limit, all
 * are scaled down to it. DL4J's {@code gradientNormalization} knows layers and parameters alone, so this is a listener,
 * which sees the gradients before they are normalised by layer and go to the updaters. Like all listeners it is not
 * saved with the network, and {@code setListeners} replaces it.
 *
 * <pre>{@code
 * network.setListeners(new GlobalNormClipping(1.0), new ScoreIterationListener(100));
 * }</pre>
 */
public final class GlobalNormClipping extends BaseTrainingListener implements Serializable {
    private static final long serialVersionUID = 1L;

    private final double maxNorm;

    /**
     * @param maxNorm the largest norm that stays as it is, above 0
     * @throws MiniGptException if it is not above 0
     */
    public GlobalNormClipping(double maxNorm) {
        if (!(maxNorm > 0)) {
            throw new MiniGptException("the largest norm of the gradients is " + maxNorm
                    + ", but must be above 0; 1.0 is usual, and for no clipping leave the listener out");
        }
        this.maxNorm = maxNorm;
    }

    @Override
    public void onGradientCalculation(Model model) {
        INDArray gradients = model.gradient().gradient();
        // The updater divides them by the batch's size afterwards.
        double divisor = model.conf().isMiniBatch() ? model.batchSize() : 1;
        double norm = gradients.norm2Number().doubleValue() / divisor;
        if (norm > maxNorm) {
            gradients.muli(maxNorm / norm);
        }
    }
}
