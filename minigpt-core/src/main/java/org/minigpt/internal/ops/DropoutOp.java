package org.minigpt.internal.ops;

import java.util.Arrays;
import java.util.List;
import org.minigpt.internal.kernels.ElementwiseKernel;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.random.DropoutMask;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Inverted dropout: x of any shape, its first axis the batch, and a {@linkplain DropoutKey key} to x·mask/(1-p). The
 * mask is a function of key, salt and index ({@link DropoutMask}): key 0 drops nothing, so one graph serves training
 * and sampling, and a run repeats. Both dropout ops of ND4J 1.0.0-M2.1 refuse to be differentiated.
 */
public final class DropoutOp extends KernelOp {

    /** For SameDiff. */
    public DropoutOp() {}

    /**
     * @param p the share that is dropped
     * @param salt that tells this op's masks from those of others with the same key
     */
    public DropoutOp(SameDiff sd, SDVariable x, SDVariable key, double p, long salt) {
        super(sd, x, key);
        Checks.share(opName(), p);
        addTArgument(p);
        addIArgument(salt);
    }

    @Override
    public String opName() {
        return "minigpt_dropout";
    }

    @Override
    protected List<long[]> outputShapes(List<INDArray> in) {
        Checks.inputs(opName(), in, 2, 2);
        DropoutKey.check(opName(), in.get(1));
        return List.of(in.get(0).shape());
    }

    @Override
    public boolean mayOverwrite(int input) {
        return input == 0;
    }

    @Override
    Runnable bindFloats(INDArray[] in, INDArray[] out) {
        return bindFloats(this, in, out);
    }

    private static Runnable bindFloats(KernelOp op, INDArray[] in, INDArray[] out) {
        return ElementwiseKernel.dropout(() -> mask(op, in), Floats.of(in[0]), Floats.of(out[0]));
    }

    @Override
    void compute(INDArray[] in, double[][] x, double[][] y) {
        compute(this, in, x, y);
    }

    private static void compute(KernelOp op, INDArray[] in, double[][] x, double[][] y) {
        DropoutMask mask = mask(op, in);
        Arrays.setAll(y[0], i -> x[0][i] * mask.factor(i));
    }

    private static DropoutMask mask(KernelOp op, INDArray[] in) {
        long entriesPerRow = in[0].rank() == 0 ? 1 : in[0].length() / in[0].size(0);
        return DropoutKey.mask(in[1], op.getIArgument(0), op.getTArgument(0), entriesPerRow);
    }

    @Override
    public List<SDVariable> doDiff(List<SDVariable> gradients) {
        return new Gradient(sameDiff, gradients.get(0), arg(1), getTArgument(0), getIArgument(0)).outputs();
    }

    /** dy and the key to dx = dy·mask/(1-p). */
    public static final class Gradient extends KernelOp {
        /** For SameDiff. */
        public Gradient() {}

        Gradient(SameDiff sd, SDVariable dy, SDVariable key, double p, long salt) {
            super(sd, dy, key);
            addTArgument(p);
            addIArgument(salt);
        }

        @Override
        public String opName() {
            return "minigpt_dropout_bp";
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
            return DropoutOp.bindFloats(this, in, out);
        }

        @Override
        void compute(INDArray[] in, double[][] x, double[][] y) {
            DropoutOp.compute(this, in, x, y);
        }
    }
}
