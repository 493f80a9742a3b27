package org.minigpt.model;

import java.util.List;
import java.util.Map;
import org.minigpt.MiniGptException;
import org.minigpt.data.Batch;
import org.minigpt.internal.kernels.NativeMemory;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * What an optimizer steps: all parameters of a {@link Gpt}, which is its own, or a {@link Lora} adapter beside it. A
 * step is {@link #lossAndGradients}, a change of {@link #flatParameters} by what {@link #flatGradients} then holds, and
 * {@link #parametersChanged}.
 */
public sealed interface Trainable permits Gpt, Lora {

    /**
     * A parameter's place in the flat vectors.
     *
     * @param name Hugging Face GPT-2's
     * @param shape sizes of the axes
     * @param offset of its first entry
     * @param length the number of its entries
     */
    record ParameterInfo(String name, List<Long> shape, long offset, long length) {

        /** @return whether it has two axes or more: nanoGPT decays those only */
        public boolean matrix() {
            return shape.size() >= 2;
        }

        /** @return the view of a flat vector that is this parameter's, in its shape */
        public INDArray in(INDArray flat) {
            return flat.get(NDArrayIndex.interval(offset, offset + length))
                    .reshape(shape.stream().mapToLong(Long::longValue).toArray());
        }
    }

    /** @return the model that computes losses and gradients */
    Gpt model();

    /** @return where each trained parameter lies in the flat vectors */
    List<ParameterInfo> parameterInfos();

    /** @return the number of trained values */
    default long parameterCount() {
        return parameterInfos().stream().mapToLong(ParameterInfo::length).sum();
    }

    /** @return the live vector of the trained parameters */
    INDArray flatParameters();

    /** @return the vector of their gradients */
    INDArray flatGradients();

    /** @return what a checkpoint must hold besides the model's parameters, live, by name; nothing for a whole model */
    default Map<String, INDArray> adapterState() {
        return Map.of();
    }

    /**
     * Computes the loss of the model and fills {@link #gradients}.
     *
     * @param x ids [B,T], INT
     * @param y the ids that follow them [B,T], INT
     * @param dropoutKey seed of this batch's dropout masks, another for each; 0 drops nothing
     * @return the loss, in nats
     */
    double lossAndGradients(INDArray x, INDArray y, long dropoutKey);

    /** {@link #lossAndGradients(INDArray, INDArray, long)} of a batch, whose rows may hold several texts. */
    double lossAndGradients(Batch batch, long dropoutKey);

    /** @return what {@link #lossAndGradients} computed last, by the parameters' names */
    Map<String, INDArray> gradients();

    /** To be called when {@link #flatParameters} have been changed. */
    default void parametersChanged() {}

    /**
     * Replaces the trained parameters by others, such as those of another process.
     *
     * @param values as {@code flatParameters().toFloatVector()} gives them; copied
     * @throws org.minigpt.MiniGptException if they are of another number, or the model is not in single precision
     */
    default void setParameters(float[] values) {
        INDArray own = flatParameters();
        if (values.length != own.length()) {
            throw new MiniGptException(values.length + " parameters can't be set in a model that has " + own.length()
                    + "; pass those of a model of the same shape");
        }
        NativeMemory.of(own).write(0, values);
        parametersChanged();
    }
}
