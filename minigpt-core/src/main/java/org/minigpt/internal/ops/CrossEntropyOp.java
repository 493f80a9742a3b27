package org.minigpt.internal.ops;

import java.util.Arrays;
import java.util.List;
import org.minigpt.MiniGptException;
import org.minigpt.internal.kernels.CrossEntropyKernel;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.Reference;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Softmax cross-entropy: logits [...,V] and targets [...] (INT or LONG) to the scalar mean, over the targets that are
 * not the ignore index, of log Σ exp(logits) - logits[target]. If every target is ignored the loss is 0, and so are the
 * gradients. The gradient honours what comes from above, so a weight on the loss scales it.
 */
public final class CrossEntropyOp extends KernelOp {

    /** For SameDiff. */
    public CrossEntropyOp() {}

    /** @param ignoreIndex the target that is not counted, outside 0..V-1 */
    public CrossEntropyOp(SameDiff sd, SDVariable logits, SDVariable targets, int ignoreIndex) {
        super(sd, logits, targets);
        addIArgument(ignoreIndex);
    }

    @Override
    public String opName() {
        return "minigpt_cross_entropy";
    }

    @Override
    protected List<long[]> outputShapes(List<INDArray> in) {
        Checks.inputs(opName(), in, 2, 2);
        INDArray logits = in.get(0);
        INDArray targets = in.get(1);
        Checks.integers(opName(), "targets", targets);
        Checks.rows(opName(), "logits", logits);
        if (!Arrays.equals(targets.shape(), Arrays.copyOf(logits.shape(), logits.rank() - 1))) {
            throw new MiniGptException(opName() + " needs one target for each row of the logits "
                    + Arrays.toString(logits.shape()) + ", but got targets "
                    + Arrays.toString(targets.shape()) + "; pass logits [B,T,V] and targets [B,T]");
        }
        return List.of(new long[0]);
    }

    @Override
    Runnable bindFloats(INDArray[] in, INDArray[] out) {
        Ints targets = new Ints(in[1]);
        Runnable kernel = new CrossEntropyKernel(
                (int) in[0].size(-1), Floats.of(in[0]), targets.values(), ignore(this), Floats.of(out[0]));
        return () -> {
            read(this, in, targets);
            kernel.run();
        };
    }

    @Override
    void compute(INDArray[] in, double[][] x, double[][] y) {
        int[] targets = read(this, in, new Ints(in[1]));
        y[0][0] = Reference.crossEntropy(x[0], (int) in[0].size(-1), targets, ignore(this));
    }

    private static int ignore(KernelOp op) {
        return op.getIArgument(0).intValue();
    }

    /** @return the targets, once all are in range or ignored */
    private static int[] read(KernelOp op, INDArray[] in, Ints targets) {
        return targets.read("minigpt_cross_entropy", "targets", in[0].size(-1), ignore(op));
    }

    @Override
    public List<SDVariable> doDiff(List<SDVariable> gradients) {
        return new Gradient(sameDiff, arg(0), arg(1), gradients.get(0), outputVariable(), getIArgument(0)).outputs();
    }

    /**
     * logits [...,V], targets [...], dLoss (scalar), loss (scalar) to dLogits [...,V]. The loss is not looked at, but
     * {@code sd.fit} computes nothing that no gradient depends on, and would report a loss of 0.
     */
    public static final class Gradient extends KernelOp {
        /** For SameDiff. */
        public Gradient() {}

        Gradient(
                SameDiff sd,
                SDVariable logits,
                SDVariable targets,
                SDVariable dLoss,
                SDVariable loss,
                long ignoreIndex) {
            super(sd, logits, targets, dLoss, loss);
            addIArgument(ignoreIndex);
        }

        @Override
        public String opName() {
            return "minigpt_cross_entropy_bp";
        }

        @Override
        protected List<long[]> outputShapes(List<INDArray> in) {
            Checks.inputs(opName(), in, 4, 4);
            return List.of(in.get(0).shape());
        }

        @Override
        Runnable bindFloats(INDArray[] in, INDArray[] out) {
            Ints targets = new Ints(in[1]);
            Runnable kernel = new CrossEntropyKernel.Gradient(
                    (int) in[0].size(-1),
                    Floats.of(in[0]),
                    targets.values(),
                    ignore(this),
                    Floats.of(in[2]),
                    Floats.of(out[0]));
            return () -> {
                read(this, in, targets);
                kernel.run();
            };
        }

        @Override
        void compute(INDArray[] in, double[][] x, double[][] y) {
            int[] targets = read(this, in, new Ints(in[1]));
            Reference.crossEntropyGradient(x[0], (int) in[0].size(-1), targets, ignore(this), x[2][0], y[0]);
        }
    }
}
