package org.minigpt.internal.ops;

import java.util.Arrays;
import java.util.List;
import org.minigpt.MiniGptException;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.LlamaReference;
import org.minigpt.internal.kernels.SwiGluKernel;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The gate of a SwiGLU feed-forward (Shazeer 2020, arXiv:2002.05202): x [...,2I], gates g and values u side by side on
 * the last axis, to y = g·σ(g)·u, [...,I].
 */
public final class SwiGluOp extends KernelOp {

    /** For SameDiff. */
    public SwiGluOp() {}

    /** @param x [...,2I] */
    public SwiGluOp(SameDiff sd, SDVariable x) {
        super(sd, x);
    }

    @Override
    public String opName() {
        return "minigpt_swiglu";
    }

    @Override
    protected List<long[]> outputShapes(List<INDArray> in) {
        Checks.inputs(opName(), in, 1, 1);
        Checks.rows(opName(), "x", in.get(0));
        long width = in.get(0).size(-1);
        if (width % 2 != 0) {
            throw new MiniGptException(opName() + " needs as many gates as values on the last axis, but got " + width
                    + " entries; pass an even number");
        }
        long[] shape = Arrays.copyOf(in.get(0).shape(), in.get(0).rank());
        shape[shape.length - 1] = width / 2;
        return List.of(shape);
    }

    @Override
    Runnable bindFloats(INDArray[] in, INDArray[] out) {
        return new SwiGluKernel(Checks.rows(in[0]), (int) out[0].size(-1), Floats.of(in[0]), Floats.of(out[0]));
    }

    @Override
    void compute(INDArray[] in, double[][] x, double[][] y) {
        LlamaReference.swiGlu(x[0], (int) in[0].size(-1) / 2, y[0]);
    }

    @Override
    public List<SDVariable> doDiff(List<SDVariable> gradients) {
        return new Gradient(sameDiff, arg(0), gradients.get(0)).outputs();
    }

    /** x [...,2I], dy [...,I] to dx [...,2I]. */
    public static final class Gradient extends KernelOp {
        /** For SameDiff. */
        public Gradient() {}

        Gradient(SameDiff sd, SDVariable x, SDVariable dy) {
            super(sd, x, dy);
        }

        @Override
        public String opName() {
            return "minigpt_swiglu_bp";
        }

        @Override
        protected List<long[]> outputShapes(List<INDArray> in) {
            Checks.inputs(opName(), in, 2, 2);
            return List.of(in.get(0).shape());
        }

        @Override
        public boolean mayOverwrite(int input) {
            return input == 0;
        }

        @Override
        Runnable bindFloats(INDArray[] in, INDArray[] out) {
            return new SwiGluKernel.Gradient(
                    Checks.rows(in[0]), (int) in[1].size(-1), Floats.of(in[0]), Floats.of(in[1]), Floats.of(out[0]));
        }

        @Override
        void compute(INDArray[] in, double[][] x, double[][] y) {
            LlamaReference.swiGluGradient(x[0], (int) in[1].size(-1), x[1], y[0]);
        }
    }
}
