package org.minigpt.internal.ops;

import java.util.Arrays;
import java.util.List;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.LinearKernel;
import org.minigpt.internal.kernels.Reference;
import org.minigpt.ops.JavaOp;
import org.minigpt.ops.JavaOps;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * x [...,in], W and, optionally, b [out] to y = x·W + b, [...,out]. W is [in,out], as Hugging Face's GPT-2 stores it
 * ("Conv1D"), or [out,in], as a head that is tied to the token embedding needs it.
 */
public final class LinearOp extends JavaOp {

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
    public Runnable bind(INDArray[] in, INDArray[] out) {
        int width = (int) in[0].size(-1);
        int outWidth = (int) out[0].size(-1);
        boolean outIn = getBArgument(0);
        boolean biased = in.length == 3;
        if (JavaOps.isDouble(in[0])) {
            return () -> {
                double[] y = new double[(int) out[0].length()];
                double[] b = biased ? JavaOps.read(in[2]) : null;
                Reference.linear(JavaOps.read(in[0]), JavaOps.read(in[1]), outIn, b, width, outWidth, y);
                JavaOps.write(y, out[0]);
            };
        }
        LinearKernel kernel = new LinearKernel(Checks.rows(in[0]), width, outWidth, outIn);
        Floats x = Floats.of(in[0]);
        Floats w = Floats.of(in[1]);
        Floats b = biased ? Floats.of(in[2]) : null;
        Floats y = Floats.of(out[0]);
        return () -> kernel.forward(x, w, b, y);
    }

    @Override
    public List<SDVariable> doDiff(List<SDVariable> gradients) {
        return new Gradient(sameDiff, arg(0), arg(1), gradients.get(0), args().length == 3, getBArgument(0)).outputs();
    }

    /** x [...,in], W, dy [...,out] to dx [...,in], dW in W's layout and, with a bias, db [out]. */
    public static final class Gradient extends JavaOp {
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

        @Override
        protected List<long[]> outputShapes(List<INDArray> in) {
            Checks.inputs(opName(), in, 3, 3);
            long[] x = in.get(0).shape();
            long[] w = in.get(1).shape();
            return getBArgument(1) ? List.of(x, w, new long[] {in.get(2).size(-1)}) : List.of(x, w);
        }

        @Override
        public Runnable bind(INDArray[] in, INDArray[] out) {
            int width = (int) in[0].size(-1);
            int outWidth = (int) in[2].size(-1);
            boolean outIn = getBArgument(0);
            boolean biased = getBArgument(1);
            if (JavaOps.isDouble(in[0])) {
                return () -> {
                    double[] dx = new double[(int) in[0].length()];
                    double[] dw = new double[(int) in[1].length()];
                    double[] db = biased ? new double[outWidth] : null;
                    Reference.linearGradient(
                            JavaOps.read(in[0]),
                            JavaOps.read(in[1]),
                            outIn,
                            JavaOps.read(in[2]),
                            width,
                            outWidth,
                            dx,
                            dw,
                            db);
                    JavaOps.write(dx, out[0]);
                    JavaOps.write(dw, out[1]);
                    if (biased) {
                        JavaOps.write(db, out[2]);
                    }
                };
            }
            LinearKernel kernel = new LinearKernel(Checks.rows(in[0]), width, outWidth, outIn);
            Floats x = Floats.of(in[0]);
            Floats w = Floats.of(in[1]);
            Floats dy = Floats.of(in[2]);
            Floats dx = Floats.of(out[0]);
            Floats dw = Floats.of(out[1]);
            Floats db = biased ? Floats.of(out[2]) : null;
            if (biased) {
                kernel.forBias();
            }
            return () -> kernel.backward(x, w, dy, dx, dw, db);
        }
    }
}
