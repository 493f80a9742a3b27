package org.minigpt.train;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.minigpt.MiniGptException;
import org.minigpt.model.Trainable;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Finds out where it began when a loss or a gradient is no number any more. */
final class FiniteCheck {
    private final Trainable trained;

    FiniteCheck(Trainable trained) {
        this.trained = trained;
    }

    /**
     * @param what the value is
     * @param value that is not finite
     * @param lastSaved the newest checkpoint, if there is one
     * @return a sentence with the iteration and the first parameter, or else gradient, that is not finite
     */
    MiniGptException failure(String what, double value, long iteration, Optional<Path> lastSaved) {
        return new MiniGptException("the " + what + " is " + value + " at iteration " + iteration
                + culprit().map(tensor -> ", where " + tensor).orElse("")
                + lastSaved
                        .map(path -> ", and the last good checkpoint is " + path)
                        .orElse("")
                + "; choose a smaller learning rate or clip the gradients to a norm of 1.0");
    }

    /** Parameters first: one that is not finite makes the gradients so too. */
    private Optional<String> culprit() {
        return first("", trained.model().parameters()).or(() -> first("the gradient of ", trained.gradients()));
    }

    private static Optional<String> first(String prefix, Map<String, INDArray> arrays) {
        for (Map.Entry<String, INDArray> entry : arrays.entrySet()) {
            for (double value : entry.getValue().dup('c').ravel().toDoubleVector()) {
                if (!Double.isFinite(value)) {
                    return Optional.of(prefix + entry.getKey() + " holds " + value);
                }
            }
        }
        return Optional.empty();
    }
}
