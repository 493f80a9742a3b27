package org.minigpt.internal.ops;

import java.util.Arrays;
import java.util.List;
import org.minigpt.internal.kernels.ElementwiseKernel;
import org.minigpt.internal.kernels.Floats;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/** y = max(0, x), of any shape; the gradient at 0 is 0. */
public final class ReluOp extends KernelOp {

    /** For SameDiff. */
    public ReluOp() {}

    /** @param x of any shape */
    public ReluOp(SameDiff sd, SDVariable x) {
        super(sd, x);
    }

    @Override
    public String opName() {
        return "minigpt_relu";
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
        return ElementwiseKernel.relu(Floats.of(in[0]), Floats.of(out[0]));
    }

    @Override
    void compute(INDArray[] in, double[][] x, double[][] y) {
        Arrays.setAll(y[0], i -> Math.max(0, x[0][i]));
    }

    @Override
    public List<SDVariable> doDiff(List<SDVariable> gradients) {
        // By the output, which the next layer keeps anyway: so x is free, and may be overwritten.
        return new Gradient(sameDiff, outputVariable(), gradients.get(0)).outputs();
    }

    /** y, dy to dx = dy where y &gt; 0, which is where x is, else 0. */
    public static final class Gradient extends KernelOp {
        /** For SameDiff. */
        public Gradient() {}

        Gradient(SameDiff sd, SDVariable y, SDVariable dy) {
            super(sd, y, dy);
        }

        @Override
        public String opName() {
            return "minigpt_relu_bp";
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
            return ElementwiseKernel.reluGradient(Floats.of(in[0]), Floats.of(in[1]), Floats.of(out[0]));
        }

        @Override
        void compute(INDArray[] in, double[][] x, double[][] y) {
            Arrays.setAll(y[0], i -> x[0][i] > 0 ? x[1][i] : 0);
        }
    }
}
