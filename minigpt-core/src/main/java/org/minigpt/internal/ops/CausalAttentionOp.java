package org.minigpt.internal.ops;

import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.minigpt.internal.kernels.AttentionKernel;
import org.minigpt.internal.kernels.AttentionShape;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.Reference;
import org.minigpt.internal.random.DropoutMask;
import org.minigpt.ops.JavaOp;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Causal multi-head self-attention (Vaswani et al., arXiv:1706.03762): qkv [B,T,3C] to y [B,T,C], each head being
 * softmax(q·kᵀ/√D)·v over the positions up to its own. Queries, keys and values lie side by side on the last axis, and
 * within each of them the H heads; of keys and values there may be fewer, K heads that H/K heads of queries share
 * (grouped-query attention, arXiv:2305.13245), and qkv is [B,T,C+2·C·K/H]. With ALiBi (arXiv:2108.12409) scores lose
 * slope·distance. No [B,H,T,T] tensor outlives the op: the gradient computes the probabilities again.
 * With a {@linkplain DropoutKey dropout key} as second input, probabilities are dropped as {@link DropoutOp} does.
 *
 * <p>With positions [B,T] as last input a row may hold several texts, each of which begins where they are 0 and sees
 * itself only.
 */
public final class CausalAttentionOp extends KernelOp {

    /** For SameDiff. */
    public CausalAttentionOp() {}

    /**
     * @param key the dropout key, or null for no dropout
     * @param heads H, which divides C
     * @param dropout the share of probabilities that is dropped; without effect if {@code key} is null
     * @param salt that tells this op's masks from those of others with the same key
     */
    public CausalAttentionOp(SameDiff sd, SDVariable qkv, SDVariable key, int heads, double dropout, long salt) {
        this(sd, qkv, key, null, heads, heads, false, dropout, salt);
    }

    /**
     * @param key the dropout key, or null for no dropout
     * @param positions [B,T], those of the tokens in their texts, or null if each row is one text
     * @param heads H, the heads of queries
     * @param kvHeads K, the heads of keys and values, which divides H
     * @param alibi whether scores fall off with the distance
     * @param dropout the share of probabilities that is dropped; without effect if {@code key} is null
     * @param salt that tells this op's masks from those of others with the same key
     */
    public CausalAttentionOp(
            SameDiff sd,
            SDVariable qkv,
            SDVariable key,
            SDVariable positions,
            int heads,
            int kvHeads,
            boolean alibi,
            double dropout,
            long salt) {
        super(sd, present(qkv, key, positions));
        Checks.heads(opName(), heads, kvHeads);
        Checks.share(opName(), dropout);
        addIArgument(heads, salt, kvHeads);
        addTArgument(dropout);
        addBArgument(alibi, positions != null);
    }

    private static SDVariable[] present(SDVariable... variables) {
        return Stream.of(variables).filter(Objects::nonNull).toArray(SDVariable[]::new);
    }

    @Override
    public String opName() {
        return "minigpt_causal_attention";
    }

    @Override
    protected List<long[]> outputShapes(List<INDArray> in) {
        Checks.inputs(opName(), in, 1, 3);
        INDArray qkv = in.get(0);
        Checks.shape(opName(), "qkv", qkv, -1, -1, -1);
        if (hasPositions(this)) {
            Checks.tokens(opName(), "positions", in.get(in.size() - 1), qkv);
        }
        if (hasKey(this, in.size(), 1)) {
            DropoutKey.check(opName(), in.get(1));
        }
        Checks.queryKeyValue(opName(), qkv, heads(this), kvHeads(this));
        return List.of(new long[] {qkv.size(0), qkv.size(1), shape(this, qkv).c()});
    }

    private static int heads(JavaOp op) {
        return op.getIArgument(0).intValue();
    }

    /** Files of old have no number of their own: as many as there are heads. */
    private static int kvHeads(JavaOp op) {
        return op.numIArguments() < 3 ? heads(op) : op.getIArgument(2).intValue();
    }

    private static boolean hasPositions(JavaOp op) {
        return op.numBArguments() > 1 && op.getBArgument(1);
    }

    /** @param others the inputs beside the key and the positions */
    private static boolean hasKey(JavaOp op, int inputs, int others) {
        return inputs > others + (hasPositions(op) ? 1 : 0);
    }

    /** @return the positions, to be read at each run; null if there are none */
    private static Ints positions(JavaOp op, INDArray[] in) {
        return hasPositions(op) ? new Ints(in[in.length - 1]) : null;
    }

    /** @return the checked positions, or null */
    private static int[] read(JavaOp op, INDArray[] in) {
        return hasPositions(op)
                ? Checks.positions(op.opName(), positions(op, in).read(), (int) in[0].size(1))
                : null;
    }

    private static AttentionShape shape(JavaOp op, INDArray qkv) {
        int heads = heads(op);
        int kvHeads = kvHeads(op);
        int d = (int) qkv.size(2) / (heads + 2 * kvHeads);
        boolean alibi = op.numBArguments() > 0 && op.getBArgument(0);
        return new AttentionShape((int) qkv.size(1), heads, kvHeads, d, alibi);
    }

    @Override
    Runnable bindFloats(INDArray[] in, INDArray[] out) {
        AttentionShape shape = shape(this, in[0]);
        Ints positions = positions(this, in);
        Runnable kernel = new AttentionKernel(
                (int) in[0].size(0),
                shape,
                positions == null ? null : positions.values(),
                Floats.of(in[0]),
                () -> mask(this, in, 1),
                Floats.of(out[0]));
        return Checks.beforeEachRun(opName(), positions, shape.t(), kernel);
    }

    @Override
    void compute(INDArray[] in, double[][] x, double[][] y) {
        Reference.attention(x[0], shape(this, in[0]), read(this, in), mask(this, in, 1), y[0]);
    }

    private static DropoutMask mask(JavaOp op, INDArray[] in, int keyAt) {
        long salt = op.getIArgument(1);
        double p = op.getTArgument(0);
        // Of a row of the batch, probabilities [H,T,T].
        long entriesPerRow = heads(op) * in[0].size(1) * in[0].size(1);
        return hasKey(op, in.length, keyAt)
                ? DropoutKey.mask(in[keyAt], salt, p, entriesPerRow)
                : new DropoutMask(0, salt, p, 0);
    }

    @Override
    public List<SDVariable> doDiff(List<SDVariable> gradients) {
        SDVariable key = hasKey(this, args().length, 1) ? arg(1) : null;
        SDVariable positions = hasPositions(this) ? arg(args().length - 1) : null;
        boolean alibi = numBArguments() > 0 && getBArgument(0);
        SDVariable[] inputs = present(arg(0), gradients.get(0), key, positions);
        return new Gradient(sameDiff, inputs, iArgs(), alibi, positions != null, getTArgument(0)).outputs();
    }

    /** qkv [B,T,3C], dy [B,T,C], with dropout the key, and the positions, if any, to dqkv, of the shape of qkv. */
    public static final class Gradient extends KernelOp {
        /** For SameDiff. */
        public Gradient() {}

        Gradient(
                SameDiff sd,
                SDVariable[] inputs,
                long[] headsAndSalt,
                boolean alibi,
                boolean positions,
                double dropout) {
            super(sd, inputs);
            addIArgument(headsAndSalt);
            addBArgument(alibi, positions);
            addTArgument(dropout);
        }

        @Override
        public String opName() {
            return "minigpt_causal_attention_bp";
        }

        @Override
        protected List<long[]> outputShapes(List<INDArray> in) {
            Checks.inputs(opName(), in, 2, 4);
            return List.of(in.get(0).shape());
        }

        @Override
        Runnable bindFloats(INDArray[] in, INDArray[] out) {
            AttentionShape shape = shape(this, in[0]);
            Ints positions = positions(this, in);
            Runnable kernel = new AttentionKernel.Gradient(
                    (int) in[0].size(0),
                    shape,
                    positions == null ? null : positions.values(),
                    Floats.of(in[0]),
                    () -> mask(this, in, 2),
                    Floats.of(in[1]),
                    Floats.of(out[0]));
            return Checks.beforeEachRun(opName(), positions, shape.t(), kernel);
        }

        @Override
        void compute(INDArray[] in, double[][] x, double[][] y) {
            Reference.attentionGradient(x[0], shape(this, in[0]), read(this, in), mask(this, in, 2), x[1], y[0]);
        }
    }
}
