package org.minigpt.internal.ops;

import java.util.Arrays;
import java.util.List;
import org.minigpt.internal.kernels.ElementwiseKernel;
import org.minigpt.internal.kernels.Floats;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/** y = max(0, x)², of any shape. */
public final class Relu2Op extends KernelOp {

    /** For SameDiff. */
    public Relu2Op() {}

    /** @param x of any shape */
    public Relu2Op(SameDiff sd, SDVariable x) {
        super(sd, x);
    }

    @Override
    public String opName() {
        return "minigpt_relu2";
    }

    @Override
    protected List<long[]> outputShapes(List<INDArray> in) {
        Checks.inputs(opName(), in, 1, 1);
        return List.of(in.get(0).shape());
    }

    @Override
    public boolean mayOverwrite(int input) {
        return input == 0;
    }

    @Override
    Runnable bindFloats(INDArray[] in, INDArray[] out) {
        return ElementwiseKernel.relu2(Floats.of(in[0]), Floats.of(out[0]));
    }

    @Override
    void compute(INDArray[] in, double[][] x, double[][] y) {
        Arrays.setAll(y[0], i -> {
            double positive = Math.max(0, x[0][i]);
            return positive * positive;
        });
    }

    @Override
    public List<SDVariable> doDiff(List<SDVariable> gradients) {
        // By the output, which the next layer keeps anyway: so x is free, and may be overwritten.
        return new Gradient(sameDiff, outputVariable(), gradients.get(0)).outputs();
    }

    /** y, dy to dx = dy·2√y. */
    public static final class Gradient extends KernelOp {
        /** For SameDiff. */
        public Gradient() {}

        Gradient(SameDiff sd, SDVariable y, SDVariable dy) {
            super(sd, y, dy);
        }

        @Override
        public String opName() {
            return "minigpt_relu2_bp";
        }

        @Override
        protected List<long[]> outputShapes(List<INDArray> in) {
            Checks.inputs(opName(), in, 2, 2);
            return List.of(in.get(0).shape());
        }

        @Override
        public boolean mayOverwrite(int input) {
            return true;
        }

        @Override
        Runnable bindFloats(INDArray[] in, INDArray[] out) {
            return ElementwiseKernel.relu2Gradient(Floats.of(in[0]), Floats.of(in[1]), Floats.of(out[0]));
        }

        @Override
        void compute(INDArray[] in, double[][] x, double[][] y) {
            Arrays.setAll(y[0], i -> x[1][i] * 2 * Math.sqrt(x[0][i]));
        }
    }
}
