package org.minigpt.internal.ops;

import java.util.List;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.LayerNormKernel;
import org.minigpt.internal.kernels.Reference;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * LayerNorm over the last axis (Ba et al., arXiv:1607.06450): x [...,C], gain [C] and, optionally, bias [C] to
 * y = (x - E[x])/√(Var[x] + eps)·gain + bias, [...,C].
 */
public final class LayerNormOp extends KernelOp {

    /** For SameDiff. */
    public LayerNormOp() {}

    /**
     * @param bias null for none
     * @param eps added to the variance; 1e-5 in GPT-2
     */
    public LayerNormOp(SameDiff sd, SDVariable x, SDVariable gain, SDVariable bias, double eps) {
        super(sd, bias == null ? new SDVariable[] {x, gain} : new SDVariable[] {x, gain, bias});
        addTArgument(eps);
    }

    @Override
    public String opName() {
        return "minigpt_layer_norm";
    }

    @Override
    protected List<long[]> outputShapes(List<INDArray> in) {
        Checks.inputs(opName(), in, 2, 3);
        Checks.rows(opName(), "x", in.get(0));
        long c = in.get(0).size(-1);
        Checks.shape(opName(), "gain", in.get(1), c);
        if (in.size() == 3) {
            Checks.shape(opName(), "bias", in.get(2), c);
        }
        return List.of(in.get(0).shape());
    }

    @Override
    Runnable bindFloats(INDArray[] in, INDArray[] out) {
        return new LayerNormKernel(
                Checks.rows(in[0]),
                (int) in[0].size(-1),
                (float) (double) getTArgument(0),
                Floats.of(in[0]),
                Floats.of(in[1]),
                floats(in, 2),
                Floats.of(out[0]));
    }

    @Override
    void compute(INDArray[] in, double[][] x, double[][] y) {
        Reference.layerNorm(x[0], (int) in[0].size(-1), getTArgument(0), x[1], optional(x, 2), y[0]);
    }

    @Override
    public List<SDVariable> doDiff(List<SDVariable> gradients) {
        return new Gradient(sameDiff, arg(0), arg(1), gradients.get(0), args().length == 3, getTArgument(0)).outputs();
    }

    /** x [...,C], gain [C], dy [...,C] to dx [...,C], dgain [C] and, with a bias, dbias [C]. */
    public static final class Gradient extends KernelOp {
        /** For SameDiff. */
        public Gradient() {}

        Gradient(SameDiff sd, SDVariable x, SDVariable gain, SDVariable dy, boolean biased, double eps) {
            super(sd, x, gain, dy);
            addTArgument(eps);
            addBArgument(biased);
        }

        @Override
        public String opName() {
            return "minigpt_layer_norm_bp";
        }

        @Override
        public int getNumOutputs() {
            return getBArgument(0) ? 3 : 2;
        }

        @Override
        protected List<long[]> outputShapes(List<INDArray> in) {
            Checks.inputs(opName(), in, 3, 3);
            long[] x = in.get(0).shape();
            long[] gain = in.get(1).shape();
            return getBArgument(0) ? List.of(x, gain, gain) : List.of(x, gain);
        }

        @Override
        public boolean mayOverwrite(int input) {
            return input == 2;
        }

        @Override
        Runnable bindFloats(INDArray[] in, INDArray[] out) {
            return new LayerNormKernel.Gradient(
                    Checks.rows(in[0]),
                    (int) in[0].size(-1),
                    (float) (double) getTArgument(0),
                    Floats.of(in[0]),
                    Floats.of(in[1]),
                    Floats.of(in[2]),
                    Floats.of(out[0]),
                    Floats.of(out[1]),
                    floats(out, 2));
        }

        @Override
        void compute(INDArray[] in, double[][] x, double[][] y) {
            Reference.layerNormGradient(
                    x[0], (int) in[0].size(-1), getTArgument(0), x[1], x[2], y[0], y[1], optional(y, 2));
        }
    }
}
