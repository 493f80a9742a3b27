package org.minigpt.checkpoint;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.minigpt.MiniGptException;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.io.Safetensors;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Files of a checkpoint that hold arrays which a run already has, and nothing else. */
final class StateArrays {
    /** What the optimizer remembers: for AdamW {@code exp_avg.wte.weight} and {@code exp_avg_sq.wte.weight}, and so on. */
    static final String OPTIMIZER = "optimizer.safetensors";

    private static final String REMEDY = ": go on with the model and the optimizer that the checkpoint was saved with.";

    private StateArrays() {}

    /**
     * Reads a file of exactly these arrays.
     *
     * @param own the run's
     * @throws MiniGptException if the file has others
     */
    static Map<String, INDArray> read(Path file, Map<String, INDArray> own) {
        Map<String, INDArray> arrays = Safetensors.read(file);
        own.forEach((name, array) -> {
            INDArray source = arrays.get(name);
            if (source == null || source.dataType() != array.dataType() || !source.equalShapes(array)) {
                throw new MiniGptException(file + " has no tensor \"" + name + "\" of type " + array.dataType()
                        + " and shape " + Arrays.toString(array.shape()) + ", which this model needs" + REMEDY);
            }
        });
        for (String name : arrays.keySet()) {
            if (!own.containsKey(name)) {
                throw new MiniGptException(
                        file + " has the tensor \"" + name + "\", which this model has not" + REMEDY);
            }
        }
        return arrays;
    }

    /** Copies what was {@link #read}. */
    static void copy(Map<String, INDArray> arrays, Map<String, INDArray> own) {
        own.forEach((name, array) -> NativeMemory.copy(arrays.get(name), array));
    }
}
