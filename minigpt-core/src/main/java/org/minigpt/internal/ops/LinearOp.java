package org.minigpt.internal.ops;

import java.util.Arrays;
import java.util.List;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.LinearKernel;
import org.minigpt.internal.kernels.Reference;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * x [...,in], W and, optionally, b [out] to y = x·W + b, [...,out]. W is [in,out], as Hugging Face's GPT-2 stores it
 * ("Conv1D"), or [out,in], as a head that is tied to the token embedding needs it.
 */
public final class LinearOp extends KernelOp {

    /** For SameDiff. */
    public LinearOp() {}

    /**
     * @param b null for none
     * @param outIn whether W is [out,in]
     */
    public LinearOp(SameDiff sd, SDVariable x, SDVariable w, SDVariable b, boolean outIn) {
        super(sd, b == null ? new SDVariable[] {x, w} : new SDVariable[] {x, w, b});
        addBArgument(outIn);
    }

    @Override
    public String opName() {
        return "minigpt_linear";
    }

    @Override
    protected List<long[]> outputShapes(List<INDArray> in) {
        return outputShapes(opName(), in, getBArgument(0));
    }

    /** @return the shape of y, once those of x, W and b are checked */
    static List<long[]> outputShapes(String op, List<INDArray> in, boolean outIn) {
        Checks.inputs(op, in, 2, 3);
        Checks.rows(op, "x", in.get(0));
        long[] x = in.get(0).shape();
        INDArray w = in.get(1);
        long width = x[x.length - 1];
        Checks.shape(op, "the weight", w, outIn ? -1 : width, outIn ? width : -1);
        long out = w.size(outIn ? 0 : 1);
        if (in.size() == 3) {
            Checks.shape(op, "the bias", in.get(2), out);
        }
        long[] y = Arrays.copyOf(x, x.length);
        y[y.length - 1] = out;
        return List.of(y);
    }

    @Override
    Runnable bindFloats(INDArray[] in, INDArray[] out) {
        return new LinearKernel(
                Checks.rows(in[0]),
                (int) in[0].size(-1),
                (int) out[0].size(-1),
                getBArgument(0),
                Floats.of(in[0]),
                Floats.of(in[1]),
                floats(in, 2),
                Floats.of(out[0]));
    }

    @Override
    void compute(INDArray[] in, double[][] x, double[][] y) {
        boolean outIn = getBArgument(0);
        int width = (int) in[0].size(-1);
        Reference.linear(x[0], x[1], outIn, optional(x, 2), width, (int) in[1].size(outIn ? 0 : 1), y[0]);
    }

    @Override
    public List<SDVariable> doDiff(List<SDVariable> gradients) {
        return new Gradient(sameDiff, arg(0), arg(1), gradients.get(0), args().length == 3, getBArgument(0)).outputs();
    }

    /** x [...,in], W, dy [...,out] to dx [...,in], dW in W's layout and, with a bias, db [out]. */
    public static final class Gradient extends KernelOp {
        /** For SameDiff. */
        public Gradient() {}

        Gradient(SameDiff sd, SDVariable x, SDVariable w, SDVariable dy, boolean biased, boolean outIn) {
            super(sd, x, w, dy);
            addBArgument(outIn, biased);
        }

        @Override
        public String opName() {
            return "minigpt_linear_bp";
        }

        @Override
        public int getNumOutputs() {
            return getBArgument(1) ? 3 : 2;
        }

        /** Each costs a product of its own, which a frozen weight need not have. */
        @Override
        public boolean mayOmit(int output) {
            return true;
        }

        @Override
        protected List<long[]> outputShapes(List<INDArray> in) {
            Checks.inputs(opName(), in, 3, 3);
            long[] x = in.get(0).shape();
            long[] w = in.get(1).shape();
            return getBArgument(1) ? List.of(x, w, new long[] {in.get(2).size(-1)}) : List.of(x, w);
        }

        @Override
        Runnable bindFloats(INDArray[] in, INDArray[] out) {
            return new LinearKernel.Gradient(
                    Checks.rows(in[0]),
                    (int) in[0].size(-1),
                    (int) in[2].size(-1),
                    getBArgument(0),
                    Floats.of(in[0]),
                    Floats.of(in[1]),
                    Floats.of(in[2]),
                    floats(out, 0),
                    floats(out, 1),
                    floats(out, 2));
        }

        @Override
        void compute(INDArray[] in, double[][] x, double[][] y) {
            Reference.linearGradient(
                    x[0],
                    x[1],
                    getBArgument(0),
                    x[2],
                    (int) in[0].size(-1),
                    (int) in[2].size(-1),
                    y[0],
                    y[1],
                    optional(y, 2));
        }
    }
}
