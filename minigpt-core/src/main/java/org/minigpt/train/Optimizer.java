package org.minigpt.train;

import java.io.Serializable;
import java.util.Map;
import org.minigpt.model.Trainable;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Changes parameters by their gradients. Its {@link #state} and the number of {@link #steps} are all that it remembers:
 * with them another of the same settings goes on bit for bit. Not for use by several threads at once.
 */
public sealed interface Optimizer permits AdamW, Muon, Sgd {

    /**
     * One step: updates the parameters and the state.
     *
     * @param parameters flat, at least as long as the parameters reach, without gaps
     * @param gradients flat, each at its parameter's place; not changed
     * @param learningRate not negative
     * @param gradientFactor the gradients count times this: {@link GradientClip#coefficient}, or 1
     * @throws org.minigpt.MiniGptException if the learning rate is negative or not finite, or a vector is too short or
     *     of another type
     */
    void step(INDArray parameters, INDArray gradients, double learningRate, double gradientFactor);

    /** One step with the whole gradients. */
    default void step(INDArray parameters, INDArray gradients, double learningRate) {
        step(parameters, gradients, learningRate, 1);
    }

    /** @return the number of steps taken */
    long steps();

    /**
     * @return what is remembered of each parameter, live and in its shape, by PyTorch's name for it and the parameter's,
     *     as {@code exp_avg.wte.weight}
     */
    Map<String, INDArray> state();

    /**
     * Takes over the state of another optimizer of the same parameters and settings.
     *
     * @param state as {@link #state}; copied
     * @param steps as {@link #steps}
     * @throws org.minigpt.MiniGptException if an array is missing or too many, or has another type or shape, or the
     *     number of steps is negative; then nothing is changed
     */
    void restore(Map<String, INDArray> state, long steps);

    /** The settings of one. */
    sealed interface Config extends Serializable permits AdamWConfig, MuonConfig, SgdConfig {

        /** @return an optimizer with these settings that has taken no step */
        Optimizer create(Trainable trained);
    }
}
