package org.minigpt.internal.runtime;

import java.util.ArrayList;
import java.util.List;
import org.minigpt.internal.kernels.AdamWKernel;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.internal.parallel.Workers;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.updaters.AdamUpdater;

/**
 * ND4J's op of DL4J's {@code Adam} by this library's kernel, which computes the same many times as fast: ND4J takes as
 * long for it as a small GPT for its forward pass. The gradient becomes what is to be subtracted from the parameters.
 */
final class AdamUpdate {
    /** Fewer entries are not worth another thread. */
    private static final long MIN_PART = 65_536;

    private AdamUpdate() {}

    /**
     * Runs the op.
     *
     * @return false if it is not as DL4J's updaters make it, in place on vectors of type FLOAT; then nothing is done
     */
    static boolean run(AdamUpdater op) {
        List<INDArray> in = op.inputArguments();
        List<INDArray> out = op.outputArguments();
        if (in.size() != 3 || op.numTArguments() != 4 || op.numIArguments() != 1) {
            return false;
        }
        for (int i = 0; i < 3; i++) {
            INDArray array = in.get(i);
            if (out.get(i) != array
                    || array.dataType() != DataType.FLOAT
                    || array.isEmpty()
                    || array.length() != in.get(0).length()
                    || array.length() > Integer.MAX_VALUE / Float.BYTES
                    || !NativeMemory.isRowMajor(array)) {
                return false;
            }
        }
        run(step(op), in.get(0), in.get(2), in.get(1));
        return true;
    }

    /** Of parameters that are 0, and gradients that point the other way. */
    private static AdamWKernel.Step step(AdamUpdater op) {
        double beta1 = op.getTArgument(1);
        double beta2 = op.getTArgument(2);
        double eps = op.getTArgument(3);
        double root2 = Math.sqrt(1 - Math.pow(beta2, op.getIArgument(0) + 1));
        double size = op.getTArgument(0) / (1 - Math.pow(beta1, op.getIArgument(0) + 1));
        double factor = size * root2;
        if (factor == 0 || !Double.isFinite(factor)) {
            size = eps / root2; // as ND4J has it
        }
        // ND4J adds eps to √v, where AdamW adds it to √v / √(1 - β₂ⁿ)
        return new AdamWKernel.Step(beta1, beta2, eps / root2, -size, root2, 1);
    }

    private static void run(AdamWKernel.Step step, INDArray gradient, INDArray m, INDArray v) {
        long length = gradient.length();
        int parts = (int) Math.min(Runtime.getRuntime().availableProcessors(), 1 + length / MIN_PART);
        List<Runnable> tasks = new ArrayList<>();
        for (int part = 0; part < parts; part++) {
            int from = (int) (length * part / parts);
            int to = (int) (length * (part + 1) / parts);
            tasks.add(() -> {
                Floats update = Floats.of(gradient);
                new AdamWKernel(update, update, Floats.of(m), Floats.of(v)).run(step, 0, from, to - from);
            });
        }
        Workers.runAll(tasks);
    }
}
