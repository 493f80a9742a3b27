package org.minigpt.internal.ops;

import java.util.List;
import org.minigpt.internal.kernels.DecodeMemory;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.LinearChoice;
import org.minigpt.internal.kernels.LinearOperands;
import org.minigpt.ops.JavaOp;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * {@link LinearOp} for generating, FLOAT and without a gradient: x [...,in], W [in,out] or [out,in] and, optionally, b
 * [out] to y [...,out]. Made for few rows: {@link LinearChoice} says by which kernel.
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
        List<long[]> shapes = LinearOp.outputShapes(opName(), in, getBArgument(0));
        Checks.single(opName(), in.get(0));
        return shapes;
    }

    @Override
    public Runnable bind(INDArray[] in, INDArray[] out) {
        return bind(in, out, null);
    }

    @Override
    public Runnable bind(INDArray[] in, INDArray[] out, DecodeMemory.Member member) {
        LinearOperands operands = new LinearOperands(
                Checks.rows(in[0]),
                (int) in[0].size(-1),
                (int) out[0].size(-1),
                getBArgument(0),
                Floats.of(in[0]),
                Floats.of(in[1]),
                in.length == 3 ? Floats.of(in[2]) : null,
                Floats.of(out[0]));
        return LinearChoice.bind(operands, in[1], in[0].size(0) == operands.rows(), member);
    }
}
