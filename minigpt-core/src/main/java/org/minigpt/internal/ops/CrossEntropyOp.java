package org.minigpt.internal.ops;

import java.util.Arrays;
import java.util.List;
import org.minigpt.MiniGptException;
import org.minigpt.internal.kernels.CrossEntropyKernel;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.Reference;
import org.minigpt.ops.JavaOp;
import org.minigpt.ops.JavaOps;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Softmax cross-entropy: logits [...,V] and targets [...] (INT or LONG) to the scalar mean, over the targets that are
 * not the ignore index, of log Σ exp(logits) - logits[target]. If every target is ignored the loss is 0, and so are the
 * gradients. The gradient honours what comes from above, so a weight on the loss scales it.
 */
public final class CrossEntropyOp extends JavaOp {

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
    public Runnable bind(INDArray[] in, INDArray[] out) {
        int v = (int) in[0].size(-1);
        int ignore = getIArgument(0).intValue();
        int[] targets = new int[(int) in[1].length()];
        if (JavaOps.isDouble(in[0])) {
            return () -> {
                readTargets(in[1], targets, v, ignore);
                JavaOps.write(new double[] {Reference.crossEntropy(JavaOps.read(in[0]), v, targets, ignore)}, out[0]);
            };
        }
        CrossEntropyKernel kernel = new CrossEntropyKernel(targets.length, v);
        Floats logits = Floats.of(in[0]);
        Floats loss = Floats.of(out[0]);
        return () -> {
            readTargets(in[1], targets, v, ignore);
            loss.put(0, kernel.forward(logits, targets, ignore));
        };
    }

    private static void readTargets(INDArray array, int[] targets, long v, int ignore) {
        Checks.read(array, targets);
        Checks.ids("minigpt_cross_entropy", "targets", targets, v, ignore);
    }

    @Override
    public List<SDVariable> doDiff(List<SDVariable> gradients) {
        return new Gradient(sameDiff, arg(0), arg(1), gradients.get(0), outputVariable(), getIArgument(0)).outputs();
    }

    /**
     * logits [...,V], targets [...], dLoss (scalar), loss (scalar) to dLogits [...,V]. The loss is not looked at, but
     * {@code sd.fit} computes nothing that no gradient depends on, and would report a loss of 0.
     */
    public static final class Gradient extends JavaOp {
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
        public Runnable bind(INDArray[] in, INDArray[] out) {
            int v = (int) in[0].size(-1);
            int ignore = getIArgument(0).intValue();
            int[] targets = new int[(int) in[1].length()];
            if (JavaOps.isDouble(in[0])) {
                return () -> {
                    readTargets(in[1], targets, v, ignore);
                    double[] dLogits = new double[(int) out[0].length()];
                    double dLoss = in[2].getDouble(0);
                    Reference.crossEntropyGradient(JavaOps.read(in[0]), v, targets, ignore, dLoss, dLogits);
                    JavaOps.write(dLogits, out[0]);
                };
            }
            CrossEntropyKernel kernel = new CrossEntropyKernel(targets.length, v);
            Floats logits = Floats.of(in[0]);
            Floats dLoss = Floats.of(in[2]);
            Floats dLogits = Floats.of(out[0]);
            return () -> {
                readTargets(in[1], targets, v, ignore);
                kernel.backward(logits, targets, ignore, dLoss.get(0), dLogits);
            };
        }
    }
}
