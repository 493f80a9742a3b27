package org.minigpt.internal.ops;

import java.util.List;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.ops.JavaOp;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The last token of each row, without what pads it: x [B,T,C] and count INT [B] to y[b,0] = x[b,count[b]-1], [B,1,C].
 * FLOAT and without a gradient.
 */
public final class LastTokenOp extends JavaOp {
    /** For SameDiff. */
    public LastTokenOp() {}

    /** @param count the tokens of each row, from 1 to T */
    public LastTokenOp(SameDiff sd, SDVariable x, SDVariable count) {
        super(sd, x, count);
    }

    @Override
    public String opName() {
        return "minigpt_last_token";
    }

    @Override
    protected List<long[]> outputShapes(List<INDArray> in) {
        Checks.inputs(opName(), in, 2, 2);
        INDArray x = in.get(0);
        Checks.single(opName(), x);
        Checks.shape(opName(), "x", x, -1, -1, -1);
        Checks.ints(opName(), "count", in.get(1), x.size(0));
        return List.of(new long[] {x.size(0), 1, x.size(2)});
    }

    @Override
    public Runnable bind(INDArray[] in, INDArray[] out) {
        int b = (int) in[0].size(0);
        long t = in[0].size(1);
        long c = in[0].size(2);
        Ints count = new Ints(in[1]);
        NativeMemory x = NativeMemory.of(in[0]);
        NativeMemory y = NativeMemory.of(out[0]);
        return () -> {
            int[] tokens = count.read(opName(), "count", t + 1);
            for (int i = 0; i < b; i++) {
                // A row of padding only has no last token; its first stands in.
                long last = Math.max(0, tokens[i] - 1);
                x.copyTo((i * t + last) * c, y, i * c, c);
            }
        };
    }
}
