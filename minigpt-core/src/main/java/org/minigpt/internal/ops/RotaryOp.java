package org.minigpt.internal.ops;

import java.util.List;
import org.minigpt.MiniGptException;
import org.minigpt.internal.kernels.AttentionShape;
import org.minigpt.internal.kernels.DecodeMemory;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.LlamaReference;
import org.minigpt.internal.kernels.RotaryKernel;
import org.minigpt.internal.kernels.RotaryKernel.Angles;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Rotary positions (Su et al. 2021, arXiv:2104.09864): qkv [B,T,(H+2K)·D] to an array of its shape, in which each head
 * of queries and keys has its entries j and j + D/2 turned by the angle t·frequency[j], and the values are as they were.
 * The halves are paired as in Hugging Face's Llama.
 *
 * <p>For generating, without a gradient, each row of the batch may begin at a position of its own: with past [B] as
 * second input the angle is (past[b] + t)·frequency[j]. Positions beyond the last, which only padding has, count as the
 * last.
 *
 * <p>Where a row holds several texts, positions [B,T] as second input, 0 where one begins, make the angle
 * positions[b,t]·frequency[j], with a gradient.
 */
public final class RotaryOp extends KernelOp implements DecodeOp {

    /** For SameDiff. */
    public RotaryOp() {}

    /**
     * @param heads H, the heads of queries
     * @param kvHeads K, the heads of keys and values, which divides H
     * @param frequencies [D/2], the angle of each pair of entries at position 1: θ^(-2j/D) in the paper
     */
    public RotaryOp(SameDiff sd, SDVariable qkv, int heads, int kvHeads, double[] frequencies) {
        this(sd, new SDVariable[] {qkv}, heads, kvHeads, frequencies);
    }

    /**
     * @param past [B], the position of each row's first token
     * @param positions how many there are
     */
    public RotaryOp(
            SameDiff sd, SDVariable qkv, SDVariable past, int heads, int kvHeads, double[] frequencies, int positions) {
        super(sd, qkv, past);
        Checks.heads(opName(), heads, kvHeads);
        addIArgument(heads, kvHeads, positions);
        addTArgument(frequencies);
    }

    /** @return one with positions [B,T], 0 where a text begins */
    public static RotaryOp packed(
            SameDiff sd, SDVariable qkv, SDVariable positions, int heads, int kvHeads, double[] frequencies) {
        return new RotaryOp(sd, new SDVariable[] {qkv, positions}, heads, kvHeads, frequencies);
    }

    private RotaryOp(SameDiff sd, SDVariable[] inputs, int heads, int kvHeads, double[] frequencies) {
        super(sd, inputs);
        Checks.heads(opName(), heads, kvHeads);
        addIArgument(heads, kvHeads);
        addTArgument(frequencies);
    }

    /** @return whether there are positions, rather than a past or nothing */
    private boolean packed(int inputs) {
        return inputs == 2 && numIArguments() == 2;
    }

    @Override
    public String opName() {
        return "minigpt_rotary";
    }

    @Override
    protected List<long[]> outputShapes(List<INDArray> in) {
        Checks.inputs(opName(), in, 1, 2);
        INDArray qkv = in.get(0);
        Checks.queryKeyValue(
                opName(), qkv, getIArgument(0).intValue(), getIArgument(1).intValue());
        int d = shape(this, qkv).d();
        if (d % 2 != 0) {
            throw new MiniGptException(opName() + " turns pairs of entries, but its heads are " + d
                    + " wide; change n_head or n_embd so that n_embd/n_head is even");
        }
        if (tArgs().length != d / 2) {
            throw new MiniGptException(opName() + " has " + tArgs().length + " frequencies, but its heads are " + d
                    + " wide, which makes " + d / 2 + " pairs; give one for each");
        }
        if (packed(in.size())) {
            Checks.tokens(opName(), "positions", in.get(1), qkv);
        } else if (in.size() == 2) {
            Checks.integers(opName(), "past", in.get(1));
            Checks.vector(opName(), "past", in.get(1), qkv.size(0));
        }
        return List.of(qkv.shape());
    }

    private static AttentionShape shape(KernelOp op, INDArray qkv) {
        int heads = op.getIArgument(0).intValue();
        int kvHeads = op.getIArgument(1).intValue();
        int d = (int) qkv.size(2) / (heads + 2 * kvHeads);
        return new AttentionShape((int) qkv.size(1), heads, kvHeads, d, false);
    }

    @Override
    public boolean mayOverwrite(int input) {
        return input == 0;
    }

    @Override
    Runnable bindFloats(INDArray[] in, INDArray[] out) {
        return bind(in, out, new Angles(tArgs(), positions(in), false));
    }

    @Override
    public Runnable bind(INDArray[] in, INDArray[] out, DecodeMemory memory) {
        return bind(in, out, memory.angles(tArgs(), positions(in)));
    }

    /** @return how many positions there are */
    private int positions(INDArray[] in) {
        return in.length == 1 || packed(in.length)
                ? (int) in[0].size(1)
                : getIArgument(2).intValue();
    }

    private Runnable bind(INDArray[] in, INDArray[] out, Angles angles) {
        if (in.length == 1) {
            return kernel(this, angles, in, null, out);
        }
        Ints past = new Ints(in[1]);
        Runnable kernel = kernel(this, angles, in, past.values(), out);
        return () -> {
            past(past, in);
            kernel.run();
        };
    }

    /** @return the checked values of the second input */
    private int[] past(Ints values, INDArray[] in) {
        return packed(in.length)
                ? Checks.positions(opName(), values.read(), positions(in))
                : Checks.past(opName(), values.read(), positions(in));
    }

    private static Runnable kernel(KernelOp op, Angles angles, INDArray[] in, int[] past, INDArray[] out) {
        return new RotaryKernel(shape(op, in[0]), angles, Floats.of(in[0]), past, Floats.of(out[0]));
    }

    @Override
    void compute(INDArray[] in, double[][] x, double[][] y) {
        int[] past = in.length == 1 ? null : past(new Ints(in[1]), in);
        System.arraycopy(x[0], 0, y[0], 0, y[0].length);
        LlamaReference.rotate(y[0], shape(this, in[0]), tArgs(), false, positions(in), past);
    }

    @Override
    public List<SDVariable> doDiff(List<SDVariable> gradients) {
        boolean packed = packed(args().length);
        if (args().length == 2 && !packed) {
            throw new MiniGptException(
                    opName() + " with a past is for generating and has no gradient; train without one");
        }
        SDVariable dy = gradients.get(0);
        SDVariable[] inputs = packed ? new SDVariable[] {dy, arg(1)} : new SDVariable[] {dy};
        return new Gradient(sameDiff, inputs, iArgs(), tArgs()).outputs();
    }

    /** dy, and the positions [B,T], if any, to dqkv: the same rotation, backwards. */
    public static final class Gradient extends KernelOp {
        /** For SameDiff. */
        public Gradient() {}

        Gradient(SameDiff sd, SDVariable[] inputs, long[] heads, double[] frequencies) {
            super(sd, inputs);
            addIArgument(heads);
            addTArgument(frequencies);
        }

        @Override
        public String opName() {
            return "minigpt_rotary_bp";
        }

        @Override
        protected List<long[]> outputShapes(List<INDArray> in) {
            Checks.inputs(opName(), in, 1, 2);
            return List.of(in.get(0).shape());
        }

        @Override
        public boolean mayOverwrite(int input) {
            return input == 0;
        }

        @Override
        Runnable bindFloats(INDArray[] in, INDArray[] out) {
            int t = (int) in[0].size(1);
            Ints positions = in.length == 2 ? new Ints(in[1]) : null;
            Runnable kernel =
                    kernel(this, new Angles(tArgs(), t, true), in, positions == null ? null : positions.values(), out);
            return Checks.beforeEachRun("minigpt_rotary", positions, t, kernel);
        }

        @Override
        void compute(INDArray[] in, double[][] x, double[][] y) {
            System.arraycopy(x[0], 0, y[0], 0, y[0].length);
            int[] positions = in.length == 2 ? new Ints(in[1]).read() : null;
            LlamaReference.rotate(y[0], shape(this, in[0]), tArgs(), true, (int) in[0].size(1), positions);
        }
    }
}
