package org.minigpt.internal.ops;

import java.util.Arrays;
import java.util.List;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.Reference;
import org.minigpt.ops.JavaOp;
import org.minigpt.ops.JavaOps;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/** An op that a kernel computes for arrays of type FLOAT, and {@link Reference} for those of type DOUBLE. */
abstract class KernelOp extends JavaOp {

    /** For SameDiff. */
    KernelOp() {}

    KernelOp(SameDiff sd, SDVariable... inputs) {
        super(sd, inputs);
    }

    @Override
    public final Runnable bind(INDArray[] in, INDArray[] out) {
        return JavaOps.isDouble(in[0]) ? bindDoubles(in, out) : bindFloats(in, out);
    }

    /** {@link #bind} for FLOAT: makes the kernel. */
    abstract Runnable bindFloats(INDArray[] in, INDArray[] out);

    /**
     * Computes the outputs for DOUBLE.
     *
     * @param in for shapes and whole numbers
     * @param x the entries of each input in row-major order, null where they are whole numbers
     * @param y the entries of each output, 0 on entry
     */
    abstract void compute(INDArray[] in, double[][] x, double[][] y);

    private Runnable bindDoubles(INDArray[] in, INDArray[] out) {
        return () -> {
            double[][] x = new double[in.length][];
            for (int i = 0; i < in.length; i++) {
                x[i] = in[i].dataType().isFPType() ? JavaOps.read(in[i]) : null;
            }
            double[][] y = new double[out.length][];
            for (int i = 0; i < out.length; i++) {
                y[i] = new double[length(in, out, i)];
            }
            compute(in, x, y);
            for (int i = 0; i < out.length; i++) {
                if (out[i] != null) { // nobody wants the others
                    JavaOps.write(y[i], out[i]);
                }
            }
        };
    }

    private int length(INDArray[] in, INDArray[] out, int i) {
        return out[i] != null
                ? Math.toIntExact(out[i].length())
                : (int) Arrays.stream(outputShapes(List.of(in)).get(i)).reduce(1, Math::multiplyExact);
    }

    /** @return the array at an index, as kernels take it; null if there are not so many, or it is null */
    static Floats floats(INDArray[] arrays, int at) {
        return at < arrays.length && arrays[at] != null ? Floats.of(arrays[at]) : null;
    }

    /** @return the element at an index; null if there are not so many */
    static double[] optional(double[][] arrays, int at) {
        return at < arrays.length ? arrays[at] : null;
    }
}
