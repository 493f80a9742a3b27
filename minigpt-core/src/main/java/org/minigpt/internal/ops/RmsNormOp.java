package org.minigpt.internal.ops;

import java.util.List;
import org.minigpt.MiniGptException;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.LlamaReference;
import org.minigpt.internal.kernels.RmsNormKernel;
import org.minigpt.internal.kernels.RmsNormKernel.Groups;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * RMSNorm over the last axis (Zhang and Sennrich 2019, arXiv:1910.07467): x [...,C] and gain [C] to y = x/√(E[x²] +
 * eps)·gain, [...,C]. Or over each of some heads that lie side by side in a row, as Qwen3 has it of queries and of keys:
 * x [...,W] and gain [D] to an array of its shape, in which the entries before and after those heads are as they were.
 */
public final class RmsNormOp extends KernelOp {

    /** For SameDiff. */
    public RmsNormOp() {}

    /** @param eps added to the mean square; 1e-6 or 1e-5 in Llama */
    public RmsNormOp(SameDiff sd, SDVariable x, SDVariable gain, double eps) {
        super(sd, x, gain);
        addTArgument(eps);
    }

    /**
     * @param first the number of heads of gain's width before those that are normalised
     * @param heads how many of them are
     */
    public RmsNormOp(SameDiff sd, SDVariable x, SDVariable gain, double eps, int first, int heads) {
        this(sd, x, gain, eps);
        addIArgument(first, heads);
    }

    @Override
    public String opName() {
        return "minigpt_rms_norm";
    }

    @Override
    protected List<long[]> outputShapes(List<INDArray> in) {
        Checks.inputs(opName(), in, 2, 2);
        Checks.rows(opName(), "x", in.get(0));
        if (numIArguments() == 0) {
            Checks.shape(opName(), "gain", in.get(1), in.get(0).size(-1));
            return List.of(in.get(0).shape());
        }
        Checks.shape(opName(), "gain", in.get(1), -1);
        long last = getIArgument(0) + getIArgument(1);
        if (getIArgument(0) < 0
                || getIArgument(1) < 1
                || last * in.get(1).size(0) > in.get(0).size(-1)) {
            throw new MiniGptException(opName() + " needs rows of x that hold heads " + getIArgument(0) + " to "
                    + (last - 1) + " of " + in.get(1).size(0) + " entries, but they have "
                    + in.get(0).size(-1)
                    + "; change n_head or the head size");
        }
        return List.of(in.get(0).shape());
    }

    private static Groups groups(KernelOp op, INDArray x, INDArray gain) {
        int c = (int) gain.size(0);
        boolean heads = op.numIArguments() > 0;
        int first = heads ? op.getIArgument(0).intValue() : 0;
        return new Groups(
                Checks.rows(x),
                (int) x.size(-1),
                first * c,
                heads ? op.getIArgument(1).intValue() : 1,
                c);
    }

    @Override
    Runnable bindFloats(INDArray[] in, INDArray[] out) {
        return new RmsNormKernel(
                groups(this, in[0], in[1]),
                (float) (double) getTArgument(0),
                Floats.of(in[0]),
                Floats.of(in[1]),
                Floats.of(out[0]));
    }

    @Override
    void compute(INDArray[] in, double[][] x, double[][] y) {
        LlamaReference.rmsNorm(x[0], groups(this, in[0], in[1]), getTArgument(0), x[1], y[0]);
    }

    @Override
    public List<SDVariable> doDiff(List<SDVariable> gradients) {
        return new Gradient(sameDiff, arg(0), arg(1), gradients.get(0), getTArgument(0), iArgs()).outputs();
    }

    /** x, gain and dy of x's shape to dx and dgain. */
    public static final class Gradient extends KernelOp {
        /** For SameDiff. */
        public Gradient() {}

        Gradient(SameDiff sd, SDVariable x, SDVariable gain, SDVariable dy, double eps, long[] heads) {
            super(sd, x, gain, dy);
            addTArgument(eps);
            addIArgument(heads);
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
                    groups(this, in[0], in[1]),
                    (float) (double) getTArgument(0),
                    Floats.of(in[0]),
                    Floats.of(in[1]),
                    Floats.of(in[2]),
                    Floats.of(out[0]),
                    Floats.of(out[1]));
        }

        @Override
        void compute(INDArray[] in, double[][] x, double[][] y) {
            Groups at = groups(this, in[0], in[1]);
            LlamaReference.rmsNormGradient(x[0], at, getTArgument(0), x[1], x[2], y[0], y[1]);
        }
    }
}
