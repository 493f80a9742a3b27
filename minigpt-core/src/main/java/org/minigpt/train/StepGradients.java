package org.minigpt.train;

import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.minigpt.data.Batch;
import org.minigpt.model.Trainable;

/** Where the gradients of a step come from: the model itself, unless other processes compute them. */
@FunctionalInterface
public interface StepGradients {

    /**
     * What a step is made of, besides the gradients.
     *
     * @param loss the mean over the counted targets, in nats
     * @param tokens of all its batches
     * @param iterations how many the step counts for: 1, or those that other processes have done for it
     */
    record Computed(double loss, long tokens, int iterations) {}

    /**
     * Fills {@link Trainable#flatGradients} with the gradients of the step at an iteration.
     *
     * @param stopped asked now and then
     * @return nothing if it was stopped, as if the step had not begun
     */
    Optional<Computed> compute(long iteration, BooleanSupplier stopped);

    /** Computes what a batch gives. */
    @FunctionalInterface
    interface OfBatch {
        /** {@link Trainable#lossAndGradients(Batch, long)}, maybe elsewhere. */
        double lossAndGradients(Batch batch, long dropoutKey);
    }

    /**
     * Those of {@code gradient_accumulation_steps} batches, with the settings' dropout masks.
     *
     * @param ofBatch computes each: {@code trained::lossAndGradients} does it here
     */
    static StepGradients ofBatches(Trainable trained, BatchSource batches, TrainConfig config, OfBatch ofBatch) {
        return new GradientAccumulation(trained, batches, config.gradientAccumulationSteps(), config.seed(), ofBatch);
    }
}
