package org.minigpt.internal.ops;

import java.util.List;
import org.minigpt.internal.kernels.ElementwiseKernel;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.random.DropoutMask;
import org.minigpt.ops.JavaOp;
import org.minigpt.ops.JavaOps;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Inverted dropout: x of any shape, its first axis the batch, and a {@linkplain DropoutKey key} to x·mask/(1-p). The mask is
 * a function of key, salt and index ({@link DropoutMask}): key 0 drops nothing, so one graph serves training and sampling,
 * and a run repeats. Both
 * dropout ops of ND4J 1.0.0-M2.1 refuse to be differentiated.
 */
public final class DropoutOp extends JavaOp {

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
    public Runnable bind(INDArray[] in, INDArray[] out) {
        return bindMask(this, in, out);
    }

    private static Runnable bindMask(JavaOp op, INDArray[] in, INDArray[] out) {
        double p = op.getTArgument(0);
        long salt = op.getIArgument(0);
        long entriesPerRow = in[0].rank() == 0 ? 1 : in[0].length() / in[0].size(0);
        if (JavaOps.isDouble(in[0])) {
            return () -> {
                DropoutMask mask = DropoutKey.mask(in[1], salt, p, entriesPerRow);
                double[] x = JavaOps.read(in[0]);
                for (int i = 0; i < x.length; i++) {
                    x[i] *= mask.factor(i);
                }
                JavaOps.write(x, out[0]);
            };
        }
        ElementwiseKernel kernel = new ElementwiseKernel((int) in[0].length());
        Floats x = Floats.of(in[0]);
        Floats y = Floats.of(out[0]);
        return () -> kernel.dropout(DropoutKey.mask(in[1], salt, p, entriesPerRow), x, y);
    }

    @Override
    public List<SDVariable> doDiff(List<SDVariable> gradients) {
        return new Gradient(sameDiff, gradients.get(0), arg(1), getTArgument(0), getIArgument(0)).outputs();
    }

    /** dy and the key to dx = dy·mask/(1-p). */
    public static final class Gradient extends JavaOp {
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
        public Runnable bind(INDArray[] in, INDArray[] out) {
            return bindMask(this, in, out);
        }
    }
}
