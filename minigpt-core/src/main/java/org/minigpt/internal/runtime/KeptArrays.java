package org.minigpt.internal.runtime;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.minigpt.MiniGptException;
import org.minigpt.internal.kernels.NativeMemory;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.array.SingleThreadArrayHolder;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The arrays of a graph's variables, or of its constants, each the very one that it was first given: what is set later,
 * by {@code setArray} and the like, is copied into it. SameDiff's own holders copy views, so that an optimiser that
 * steps a larger array would not reach the graph, and replace arrays, so that a graph would leave its model.
 */
public final class KeptArrays extends SingleThreadArrayHolder {
    private final SameDiff sd;
    private final Consumer<String> whenSet;

    /**
     * Those that {@code convertToConstant} moved to the other holder, and {@code convertDataTypes} wants to replace.
     */
    private final Map<String, INDArray> removed = new HashMap<>();

    private KeptArrays(SameDiff sd, Consumer<String> whenSet) {
        this.sd = sd;
        this.whenSet = whenSet;
    }

    /** Lets a graph keep its arrays. */
    public static void of(SameDiff sd, Consumer<String> whenSet) {
        sd.setArrayHolders(new KeptArrays(sd, whenSet), new KeptArrays(sd, whenSet), true);
    }

    @Override
    public void setArray(String name, INDArray array) {
        INDArray kept = hasArray(name) ? getArray(name) : removed.get(name);
        if (kept != null && kept != array) {
            requireFit(name, kept, array);
            // SameDiff hands the array on to functions of the graph, and the gradient's has a holder of SameDiff's own.
            sd.definedFunctionNames().forEach(function -> of(sd.getFunction(function), set -> {}));
            NativeMemory.copy(array.dup(), kept); // it may be a view of the other
            whenSet.accept(name);
        }
        super.setArray(name, kept == null ? array : kept);
    }

    private void requireFit(String name, INDArray kept, INDArray array) {
        if (!Arrays.equals(kept.shape(), array.shape())) {
            throw new MiniGptException(name + " has the shape " + Arrays.toString(kept.shape()) + ", but got an array "
                    + Arrays.toString(array.shape()) + "; pass one of the same shape");
        }
        if (removed.containsKey(name) && kept.dataType() != array.dataType()) {
            throw new MiniGptException(name + " is of type " + kept.dataType() + " and can't become " + array.dataType()
                    + "; make a model of that type and copy the parameters");
        }
    }

    @Override
    public INDArray removeArray(String name) {
        INDArray array = super.removeArray(name);
        removed.put(name, array);
        return array;
    }
}
