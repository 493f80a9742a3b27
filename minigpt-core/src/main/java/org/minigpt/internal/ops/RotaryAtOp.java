package org.minigpt.internal.ops;

import java.util.List;
import org.minigpt.internal.kernels.AttentionShape;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.RotaryKernel;
import org.minigpt.ops.JavaOp;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * {@link RotaryOp} for generating, FLOAT and without a gradient, where each row of the batch begins at a position of its own:
 * qkv [B,T,(H+2K)·D] and past INT [B] to an array of the shape of qkv. Positions beyond the last, which only padding has,
 * count as the last.
 */
public final class RotaryAtOp extends JavaOp {
    /** For SameDiff. */
    public RotaryAtOp() {}

    /**
     * @param past [B]
     * @param heads H
     * @param kvHeads K
     * @param theta the base of the angles
     * @param positions how many there are
     */
    public RotaryAtOp(
            SameDiff sd, SDVariable qkv, SDVariable past, int heads, int kvHeads, double theta, int positions) {
        super(sd, qkv, past);
        addIArgument(heads, kvHeads, positions);
        addTArgument(theta);
    }

    @Override
    public String opName() {
        return "minigpt_rotary_at";
    }

    @Override
    protected List<long[]> outputShapes(List<INDArray> in) {
        Checks.inputs(opName(), in, 2, 2);
        INDArray qkv = in.get(0);
        Checks.single(opName(), qkv);
        Checks.queryKeyValue(
                opName(), qkv, getIArgument(0).intValue(), getIArgument(1).intValue());
        Checks.ints(opName(), "past", in.get(1), qkv.size(0));
        return List.of(qkv.shape());
    }

    @Override
    public boolean mayOverwrite(int input) {
        return input == 0;
    }

    @Override
    public Runnable bind(INDArray[] in, INDArray[] out) {
        AttentionShape shape = RotaryOp.shape(this, in[0]);
        int positions = getIArgument(2).intValue();
        RotaryKernel kernel = new RotaryKernel((int) in[0].size(0), shape, getTArgument(0), false, positions);
        Ints past = new Ints(in[1]);
        Floats qkv = Floats.of(in[0]);
        Floats y = Floats.of(out[0]);
        return () -> kernel.rotate(qkv, past.read(opName(), "past", positions), y);
    }
}
