package org.minigpt.internal.ops;

import java.util.List;
import org.minigpt.MiniGptException;
import org.minigpt.internal.kernels.AttentionShape;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.LlamaReference;
import org.minigpt.internal.kernels.RotaryKernel;
import org.minigpt.ops.JavaOp;
import org.minigpt.ops.JavaOps;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Rotary positions (Su et al. 2021, arXiv:2104.09864): qkv [B,T,(H+2K)·D] to an array of its shape, in which each head of
 * queries and keys has its entries j and j + D/2 turned by the angle t·θ^(-2j/D), and the values are as they were. The
 * halves are paired as in Hugging Face's Llama.
 */
public final class RotaryOp extends JavaOp {

    /** For SameDiff. */
    public RotaryOp() {}

    /**
     * @param heads H, the heads of queries
     * @param kvHeads K, the heads of keys and values, which divides H
     * @param theta θ, the base of the angles
     */
    public RotaryOp(SameDiff sd, SDVariable qkv, int heads, int kvHeads, double theta) {
        super(sd, qkv);
        Checks.heads(opName(), heads, kvHeads);
        addIArgument(heads, kvHeads);
        addTArgument(theta);
    }

    @Override
    public String opName() {
        return "minigpt_rotary";
    }

    @Override
    protected List<long[]> outputShapes(List<INDArray> in) {
        Checks.inputs(opName(), in, 1, 1);
        INDArray qkv = in.get(0);
        Checks.queryKeyValue(
                opName(), qkv, getIArgument(0).intValue(), getIArgument(1).intValue());
        int d = shape(this, qkv).d();
        if (d % 2 != 0) {
            throw new MiniGptException(opName() + " turns pairs of entries, but its heads are " + d
                    + " wide; change n_head or n_embd so that n_embd/n_head is even");
        }
        return List.of(qkv.shape());
    }

    static AttentionShape shape(JavaOp op, INDArray qkv) {
        int heads = op.getIArgument(0).intValue();
        int kvHeads = op.getIArgument(1).intValue();
        int d = (int) qkv.size(2) / (heads + 2 * kvHeads);
        return new AttentionShape((int) qkv.size(1), heads, kvHeads, d, false);
    }

    @Override
    public boolean mayOverwrite(int input) {
        return true;
    }

    @Override
    public Runnable bind(INDArray[] in, INDArray[] out) {
        return bind(this, in[0], out[0], false);
    }

    private static Runnable bind(JavaOp op, INDArray in, INDArray out, boolean back) {
        AttentionShape shape = shape(op, in);
        double theta = op.getTArgument(0);
        if (JavaOps.isDouble(in)) {
            return () -> {
                double[] y = JavaOps.read(in);
                LlamaReference.rotate(y, shape, theta, back);
                JavaOps.write(y, out);
            };
        }
        RotaryKernel kernel = new RotaryKernel((int) in.size(0), shape, theta, back);
        Floats x = Floats.of(in);
        Floats y = Floats.of(out);
        return () -> kernel.rotate(x, y);
    }

    @Override
    public List<SDVariable> doDiff(List<SDVariable> gradients) {
        return new Gradient(sameDiff, gradients.get(0), iArgs(), getTArgument(0)).outputs();
    }

    /** dy to dqkv: the same rotation, backwards. */
    public static final class Gradient extends JavaOp {
        /** For SameDiff. */
        public Gradient() {}

        Gradient(SameDiff sd, SDVariable dy, long[] heads, double theta) {
            super(sd, dy);
            addIArgument(heads);
            addTArgument(theta);
        }

        @Override
        public String opName() {
            return "minigpt_rotary_bp";
        }

        @Override
        protected List<long[]> outputShapes(List<INDArray> in) {
            Checks.inputs(opName(), in, 1, 1);
            return List.of(in.get(0).shape());
        }

        @Override
        public boolean mayOverwrite(int input) {
            return true;
        }

        @Override
        public Runnable bind(INDArray[] in, INDArray[] out) {
            return RotaryOp.bind(this, in[0], out[0], true);
        }
    }
}
