package org.minigpt.checkpoint;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.minigpt.MiniGptException;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.io.Safetensors;
import org.minigpt.model.Trainable.ParameterInfo;
import org.minigpt.train.AdamW;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * {@code optimizer.safetensors}: AdamW's moments, a tensor of each for each parameter, {@code exp_avg.wte.weight} and
 * {@code exp_avg_sq.wte.weight}, as PyTorch calls them.
 */
final class Moments {
    /** The file itself. */
    static final String FILE = "optimizer.safetensors";

    private static final String FIRST = "exp_avg.";
    private static final String SECOND = "exp_avg_sq.";

    private static final String REMEDY = ": go on with the model that the checkpoint was saved with.";

    private Moments() {}

    static void write(Path folder, AdamW optimizer, List<ParameterInfo> infos) {
        Map<String, INDArray> arrays = new LinkedHashMap<>();
        for (ParameterInfo info : infos) {
            arrays.put(FIRST + info.name(), view(optimizer.firstMoment(), info));
            arrays.put(SECOND + info.name(), view(optimizer.secondMoment(), info));
        }
        Safetensors.write(folder.resolve(FILE), arrays, Map.of("format", "pt"));
    }

    /**
     * Both moments as flat vectors.
     *
     * @param like a vector of the type and length that they shall have
     */
    static INDArray[] read(Path folder, INDArray like, List<ParameterInfo> infos) {
        INDArray[] moments = {like.like(), like.like()};
        Map<String, INDArray> targets = new LinkedHashMap<>();
        for (ParameterInfo info : infos) {
            targets.put(FIRST + info.name(), view(moments[0], info));
            targets.put(SECOND + info.name(), view(moments[1], info));
        }
        fill(folder.resolve(FILE), targets);
        return moments;
    }

    /**
     * Fills arrays from a file that holds exactly those.
     *
     * @throws MiniGptException if it does not; then no array is changed
     */
    static void fill(Path file, Map<String, INDArray> targets) {
        Map<String, INDArray> arrays = Safetensors.read(file);
        targets.forEach((name, target) -> {
            INDArray source = arrays.get(name);
            if (source == null || source.dataType() != target.dataType() || !source.equalShapes(target)) {
                throw new MiniGptException(file + " has no tensor \"" + name + "\" of type " + target.dataType()
                        + " and shape " + Arrays.toString(target.shape()) + ", which this model needs" + REMEDY);
            }
        });
        for (String name : arrays.keySet()) {
            if (!targets.containsKey(name)) {
                throw new MiniGptException(
                        file + " has the tensor \"" + name + "\", which this model has not" + REMEDY);
            }
        }
        targets.forEach((name, target) -> NativeMemory.copy(arrays.get(name), target));
    }

    private static INDArray view(INDArray flat, ParameterInfo info) {
        long[] shape = info.shape().stream().mapToLong(Long::longValue).toArray();
        return flat.get(NDArrayIndex.interval(info.offset(), info.offset() + info.length()))
                .reshape(shape);
    }
}
