package org.minigpt.internal.ops;

import java.util.Arrays;
import java.util.List;
import org.minigpt.MiniGptException;
import org.minigpt.internal.kernels.BlockMatrix;
import org.minigpt.internal.kernels.DecodeMemory;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.LinearChoice;
import org.minigpt.internal.kernels.LinearOperands;
import org.minigpt.internal.parallel.Team;
import org.minigpt.ops.JavaOp;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * {@link LinearOp} for generating, FLOAT and without a gradient: x [...,in], W [in,out] or [out,in] and, optionally, b
 * [out] to y [...,out]. Made for few rows: {@link LinearChoice} says by which kernel. W may be a {@link BlockMatrix} as
 * well, which is [out,in] whatever is said.
 */
public final class InferenceLinearOp extends JavaOp implements DecodeOp {
    /** For SameDiff. */
    public InferenceLinearOp() {}

    /**
     * @param b null for none
     * @param outIn whether W is [out,in]
     */
    public InferenceLinearOp(SameDiff sd, SDVariable x, SDVariable w, SDVariable b, boolean outIn) {
        super(sd, b == null ? new SDVariable[] {x, w} : new SDVariable[] {x, w, b});
        addBArgument(outIn);
    }

    @Override
    public String opName() {
        return "minigpt_inference_linear";
    }

    @Override
    protected List<long[]> outputShapes(List<INDArray> in) {
        Checks.single(opName(), in.get(0));
        if (in.size() < 2 || !BlockMatrix.is(in.get(1))) {
            return LinearOp.outputShapes(opName(), in, getBArgument(0));
        }
        Checks.inputs(opName(), in, 2, 3);
        Checks.rows(opName(), "x", in.get(0));
        long[] y = in.get(0).shape().clone();
        long width = BlockMatrix.columns(in.get(1));
        if (y[y.length - 1] != width) {
            throw new MiniGptException(opName() + " has weights of rows of " + width + " values, but x is "
                    + Arrays.toString(y) + "; pass weights [out,in] of that width");
        }
        y[y.length - 1] = in.get(1).size(0);
        if (in.size() == 3) {
            Checks.shape(opName(), "the bias", in.get(2), y[y.length - 1]);
        }
        return List.of(y);
    }

    @Override
    public Runnable bind(INDArray[] in, INDArray[] out) {
        return bind(in, out, new DecodeMemory(new Team(1), Long.MAX_VALUE));
    }

    @Override
    public Runnable bind(INDArray[] in, INDArray[] out, DecodeMemory memory) {
        int rows = Checks.rows(in[0]);
        boolean tokenEach = in[0].size(0) == rows;
        BlockMatrix blocks = BlockMatrix.is(in[1]) ? new BlockMatrix(in[1]) : null;
        LinearOperands operands = new LinearOperands(
                rows,
                (int) in[0].size(-1),
                (int) out[0].size(-1),
                blocks != null || getBArgument(0),
                Floats.of(in[0]),
                blocks != null ? null : Floats.of(in[1]),
                in.length == 3 ? Floats.of(in[2]) : null,
                Floats.of(out[0]));
        return blocks != null
                ? LinearChoice.bind(operands, blocks, tokenEach, memory)
                : LinearChoice.bind(operands, in[1], tokenEach, memory);
    }
}
