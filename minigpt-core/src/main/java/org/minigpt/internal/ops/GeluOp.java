package org.minigpt.internal.ops;

import java.util.Arrays;
import java.util.List;
import org.minigpt.internal.kernels.ElementwiseKernel;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.Reference;
import org.minigpt.internal.simd.Gelu;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * y = GELU(x) of any shape, in its erf or its tanh form. ND4J's own {@code gelu} is x·sigmoid(1.702x), and its
 * {@code preciseGelu} cubes the constant too.
 */
public final class GeluOp extends KernelOp {

    /** For SameDiff. */
    public GeluOp() {}

    /** @param x of any shape */
    public GeluOp(SameDiff sd, SDVariable x, Gelu form) {
        super(sd, x);
        addIArgument(form.ordinal());
    }

    @Override
    public String opName() {
        return "minigpt_gelu";
    }

    private static Gelu form(KernelOp op) {
        return Gelu.values()[op.getIArgument(0).intValue()];
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
        return ElementwiseKernel.gelu(form(this), Floats.of(in[0]), Floats.of(out[0]));
    }

    @Override
    void compute(INDArray[] in, double[][] x, double[][] y) {
        Gelu form = form(this);
        Arrays.setAll(y[0], i -> Reference.gelu(form, x[0][i]));
    }

    @Override
    public List<SDVariable> doDiff(List<SDVariable> gradients) {
        return new Gradient(sameDiff, arg(0), gradients.get(0), form(this)).outputs();
    }

    /** x, dy to dx = dy·GELU'(x). */
    public static final class Gradient extends KernelOp {
        /** For SameDiff. */
        public Gradient() {}

        Gradient(SameDiff sd, SDVariable x, SDVariable dy, Gelu form) {
            super(sd, x, dy);
            addIArgument(form.ordinal());
        }

        @Override
        public String opName() {
            return "minigpt_gelu_bp";
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
            return ElementwiseKernel.geluGradient(form(this), Floats.of(in[0]), Floats.of(in[1]), Floats.of(out[0]));
        }

        @Override
        void compute(INDArray[] in, double[][] x, double[][] y) {
            Gelu form = form(this);
            Arrays.setAll(y[0], i -> x[1][i] * Reference.geluDerivative(form, x[0][i]));
        }
    }
}
