package org.minigpt.internal.ops;

import java.util.Arrays;
import java.util.List;
import org.minigpt.MiniGptException;
import org.minigpt.internal.kernels.ElementwiseKernel;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.ops.JavaOp;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/** The residual sum y = a + b of two arrays of one shape; nothing is broadcast. */
public final class AddOp extends KernelOp {

    /** For SameDiff. */
    public AddOp() {}

    /** @param b of the shape of a */
    public AddOp(SameDiff sd, SDVariable a, SDVariable b) {
        super(sd, a, b);
    }

    @Override
    public String opName() {
        return "minigpt_add";
    }

    @Override
    protected List<long[]> outputShapes(List<INDArray> in) {
        Checks.inputs(opName(), in, 2, 2);
        long[] a = in.get(0).shape();
        long[] b = in.get(1).shape();
        if (in.get(0).dataType() != in.get(1).dataType() || !Arrays.equals(a, b)) {
            throw new MiniGptException(opName() + " needs two arrays of one type and shape, but got "
                    + in.get(0).dataType() + " " + Arrays.toString(a) + " and "
                    + in.get(1).dataType() + " " + Arrays.toString(b)
                    + "; cast one, or use SDVariable.add to broadcast");
        }
        return List.of(a);
    }

    @Override
    public boolean mayOverwrite(int input) {
        return true;
    }

    @Override
    Runnable bindFloats(INDArray[] in, INDArray[] out) {
        return ElementwiseKernel.add(Floats.of(in[0]), Floats.of(in[1]), Floats.of(out[0]));
    }

    @Override
    void compute(INDArray[] in, double[][] x, double[][] y) {
        Arrays.setAll(y[0], i -> x[0][i] + x[1][i]);
    }

    @Override
    public List<SDVariable> doDiff(List<SDVariable> gradients) {
        return new Gradient(sameDiff, gradients.get(0)).outputs();
    }

    /** dy to da = dy and db = dy: two outputs, since SameDiff names a gradient after its variable. */
    public static final class Gradient extends JavaOp {
        /** For SameDiff. */
        public Gradient() {}

        Gradient(SameDiff sd, SDVariable dy) {
            super(sd, dy);
        }

        @Override
        public String opName() {
            return "minigpt_add_bp";
        }

        @Override
        public int getNumOutputs() {
            return 2;
        }

        @Override
        protected List<long[]> outputShapes(List<INDArray> in) {
            Checks.inputs(opName(), in, 1, 1);
            return List.of(in.get(0).shape(), in.get(0).shape());
        }

        @Override
        public int passesOn(int output) {
            return 0;
        }

        @Override
        public Runnable bind(INDArray[] in, INDArray[] out) {
            return () -> {
                for (INDArray gradient : out) {
                    if (gradient != in[0]) {
                        NativeMemory.copy(in[0], gradient);
                    }
                }
            };
        }
    }
}
