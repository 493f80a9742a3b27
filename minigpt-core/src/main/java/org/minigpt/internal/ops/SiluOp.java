package org.minigpt.internal.ops;

import java.util.Arrays;
import java.util.List;
import org.minigpt.internal.kernels.ElementwiseKernel;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.LlamaReference;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/** y = x·σ(x) of any shape. */
public final class SiluOp extends KernelOp {

    /** For SameDiff. */
    public SiluOp() {}

    /** @param x of any shape */
    public SiluOp(SameDiff sd, SDVariable x) {
        super(sd, x);
    }

    @Override
    public String opName() {
        return "minigpt_silu";
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
        return ElementwiseKernel.silu(Floats.of(in[0]), Floats.of(out[0]));
    }

    @Override
    void compute(INDArray[] in, double[][] x, double[][] y) {
        Arrays.setAll(y[0], i -> x[0][i] * LlamaReference.sigmoid(x[0][i]));
    }

    @Override
    public List<SDVariable> doDiff(List<SDVariable> gradients) {
        return new Gradient(sameDiff, arg(0), gradients.get(0)).outputs();
    }

    /** x, dy to dx = dy·σ(x)·(1 + x·(1 - σ(x))). */
    public static final class Gradient extends KernelOp {
        /** For SameDiff. */
        public Gradient() {}

        Gradient(SameDiff sd, SDVariable x, SDVariable dy) {
            super(sd, x, dy);
        }

        @Override
        public String opName() {
            return "minigpt_silu_bp";
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
            return ElementwiseKernel.siluGradient(Floats.of(in[0]), Floats.of(in[1]), Floats.of(out[0]));
        }

        @Override
        void compute(INDArray[] in, double[][] x, double[][] y) {
            Arrays.setAll(y[0], i -> {
                double sigmoid = LlamaReference.sigmoid(x[0][i]);
                return x[1][i] * sigmoid * (1 + x[0][i] * (1 - sigmoid));
            });
        }
    }
}
