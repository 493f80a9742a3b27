package org.minigpt.ops;

import java.util.List;
import org.minigpt.kernels.AttentionKernel;
import org.minigpt.kernels.DropoutMask;
import org.minigpt.kernels.Floats;
import org.minigpt.kernels.Reference;
import org.minigpt.util.MiniGptException;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Causal multi-head self-attention (Vaswani et al., arXiv:1706.03762): qkv [B,T,3C] to y [B,T,C], each head being
 * softmax(q·kᵀ/√D)·v over the positions up to its own. Queries, keys and values lie side by side on the last axis, and
 * within each of them the H heads. No [B,H,T,T] tensor outlives the op: the gradient computes the probabilities again.
 * With a dropout key (LONG, scalar) as second input, probabilities are dropped as {@link DropoutOp} does.
 */
public final class CausalAttentionOp extends JavaOp {

    /** For SameDiff. */
    public CausalAttentionOp() {}

    /**
     * @param key the dropout key, or null for no dropout
     * @param heads H, which divides C
     * @param dropout the share of probabilities that is dropped; without effect if {@code key} is null
     * @param salt that tells this op's masks from those of others with the same key
     */
    public CausalAttentionOp(SameDiff sd, SDVariable qkv, SDVariable key, int heads, double dropout, long salt) {
        super(sd, key == null ? new SDVariable[] {qkv} : new SDVariable[] {qkv, key});
        if (heads < 1) {
            throw new MiniGptException(opName() + " needs at least 1 head, but got " + heads + "; change n_head");
        }
        Checks.share(opName(), dropout);
        addIArgument(heads, salt);
        addTArgument(dropout);
    }

    @Override
    public String opName() {
        return "minigpt_causal_attention";
    }

    @Override
    protected List<long[]> outputShapes(List<INDArray> in) {
        Checks.inputs(opName(), in, 1, 2);
        INDArray qkv = in.get(0);
        Checks.shape(opName(), "qkv", qkv, -1, -1, -1);
        if (in.size() == 2) {
            Checks.integers(opName(), "the dropout key", in.get(1));
        }
        long heads = getIArgument(0);
        if (qkv.size(2) % (3 * heads) != 0) {
            throw new MiniGptException(
                    opName() + " needs the last axis of qkv to be 3·n_embd with n_embd divisible by its " + heads
                            + " heads, but got " + qkv.size(2) + "; change n_head or n_embd");
        }
        return List.of(new long[] {qkv.size(0), qkv.size(1), qkv.size(2) / 3});
    }

    @Override
    public Runnable bind(INDArray[] in, INDArray[] out) {
        int t = (int) in[0].size(1);
        int c = (int) in[0].size(2) / 3;
        int heads = getIArgument(0).intValue();
        if (JavaOps.isDouble(in[0])) {
            return () -> {
                double[] y = new double[(int) out[0].length()];
                Reference.attention(JavaOps.read(in[0]), t, c, heads, mask(this, in, 1), y);
                JavaOps.write(y, out[0]);
            };
        }
        AttentionKernel kernel = new AttentionKernel((int) in[0].size(0), t, c, heads);
        Floats qkv = Floats.of(in[0]);
        Floats y = Floats.of(out[0]);
        return () -> kernel.forward(qkv, mask(this, in, 1), y);
    }

    private static DropoutMask mask(JavaOp op, INDArray[] in, int keyAt) {
        long key = in.length > keyAt ? in[keyAt].getLong(0) : 0;
        return new DropoutMask(key, op.getIArgument(1), op.getTArgument(0));
    }

    @Override
    public List<SDVariable> doDiff(List<SDVariable> gradients) {
        SDVariable key = args().length == 2 ? arg(1) : null;
        return new Gradient(sameDiff, arg(0), gradients.get(0), key, iArgs(), getTArgument(0)).outputs();
    }

    /** qkv [B,T,3C], dy [B,T,C] and, with dropout, the key to dqkv [B,T,3C]. */
    public static final class Gradient extends JavaOp {
        /** For SameDiff. */
        public Gradient() {}

        Gradient(SameDiff sd, SDVariable qkv, SDVariable dy, SDVariable key, long[] headsAndSalt, double dropout) {
            super(sd, key == null ? new SDVariable[] {qkv, dy} : new SDVariable[] {qkv, dy, key});
            addIArgument(headsAndSalt);
            addTArgument(dropout);
        }

        @Override
        public String opName() {
            return "minigpt_causal_attention_bp";
        }

        @Override
        protected List<long[]> outputShapes(List<INDArray> in) {
            Checks.inputs(opName(), in, 2, 3);
            return List.of(in.get(0).shape());
        }

        @Override
        public Runnable bind(INDArray[] in, INDArray[] out) {
            int t = (int) in[0].size(1);
            int c = (int) in[0].size(2) / 3;
            int heads = getIArgument(0).intValue();
            if (JavaOps.isDouble(in[0])) {
                return () -> {
                    double[] dqkv = new double[(int) out[0].length()];
                    Reference.attentionGradient(
                            JavaOps.read(in[0]), t, c, heads, mask(this, in, 2), JavaOps.read(in[1]), dqkv);
                    JavaOps.write(dqkv, out[0]);
                };
            }
            AttentionKernel kernel = new AttentionKernel((int) in[0].size(0), t, c, heads);
            Floats qkv = Floats.of(in[0]);
            Floats dy = Floats.of(in[1]);
            Floats dqkv = Floats.of(out[0]);
            return () -> kernel.backward(qkv, mask(this, in, 2), dy, dqkv);
        }
    }
}
