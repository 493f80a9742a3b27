package org.minigpt.internal.ops;

import java.util.List;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.LlamaReference;
import org.minigpt.internal.kernels.RmsNormKernel;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * RMSNorm over the last axis (Zhang and Sennrich 2019, arXiv:1910.07467): x [...,C] and gain [C] to y = x/√(E[x²] +
 * eps)·gain, [...,C].
 */
public final class RmsNormOp extends KernelOp {

    /** For SameDiff. */
    public RmsNormOp() {}

    /** @param eps added to the mean square; 1e-6 or 1e-5 in Llama */
    public RmsNormOp(SameDiff sd, SDVariable x, SDVariable gain, double eps) {
        super(sd, x, gain);
        addTArgument(eps);
    }

    @Override
    public String opName() {
        return "minigpt_rms_norm";
    }

    @Override
    protected List<long[]> outputShapes(List<INDArray> in) {
        Checks.inputs(opName(), in, 2, 2);
        Checks.rows(opName(), "x", in.get(0));
        Checks.shape(opName(), "gain", in.get(1), in.get(0).size(-1));
        return List.of(in.get(0).shape());
    }

    @Override
    Runnable bindFloats(INDArray[] in, INDArray[] out) {
        return new RmsNormKernel(
                Checks.rows(in[0]),
                (int) in[0].size(-1),
                (float) (double) getTArgument(0),
                Floats.of(in[0]),
                Floats.of(in[1]),
                Floats.of(out[0]));
    }

    @Override
    void compute(INDArray[] in, double[][] x, double[][] y) {
        LlamaReference.rmsNorm(x[0], (int) in[0].size(-1), getTArgument(0), x[1], y[0]);
    }

    @Override
    public List<SDVariable> doDiff(List<SDVariable> gradients) {
        return new Gradient(sameDiff, arg(0), arg(1), gradients.get(0), getTArgument(0)).outputs();
    }

    /** x [...,C], gain [C], dy [...,C] to dx [...,C] and dgain [C]. */
    public static final class Gradient extends KernelOp {
        /** For SameDiff. */
        public Gradient() {}

        Gradient(SameDiff sd, SDVariable x, SDVariable gain, SDVariable dy, double eps) {
            super(sd, x, gain, dy);
            addTArgument(eps);
        }

        @Override
        public String opName() {
            return "minigpt_rms_norm_bp";
        }

        @Override
        public int getNumOutputs() {
            return 2;
        }

        @Override
        protected List<long[]> outputShapes(List<INDArray> in) {
            Checks.inputs(opName(), in, 3, 3);
            return List.of(in.get(0).shape(), in.get(1).shape());
        }

        @Override
        public boolean mayOverwrite(int input) {
            return input == 2;
        }

        @Override
        Runnable bindFloats(INDArray[] in, INDArray[] out) {
            return new RmsNormKernel.Gradient(
                    Checks.rows(in[0]),
                    (int) in[0].size(-1),
                    (float) (double) getTArgument(0),
                    Floats.of(in[0]),
                    Floats.of(in[1]),
                    Floats.of(in[2]),
                    Floats.of(out[0]),
                    Floats.of(out[1]));
        }

        @Override
        void compute(INDArray[] in, double[][] x, double[][] y) {
            LlamaReference.rmsNormGradient(x[0], (int) in[0].size(-1), getTArgument(0), x[1], x[2], y[0], y[1]);
        }
    }
}
