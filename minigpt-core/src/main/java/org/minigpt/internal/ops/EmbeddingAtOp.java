package org.minigpt.internal.ops;

import java.util.List;
import org.minigpt.internal.kernels.EmbeddingAtKernel;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.ops.JavaOp;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * {@link EmbeddingOp} for generating, FLOAT and without a gradient, where each row of the batch begins at a position of
 * its own: wte [V,C], wpe [P,C], ids INT [B,T] and past INT [B] to y[b,t] = wte[ids[b,t]] + wpe[past[b] + t], [B,T,C].
 * Positions beyond the last, which only padding has, count as the last.
 */
public final class EmbeddingAtOp extends JavaOp {
    /** For SameDiff. */
    public EmbeddingAtOp() {}

    /**
     * @param ids [B,T]
     * @param past [B]
     */
    public EmbeddingAtOp(SameDiff sd, SDVariable wte, SDVariable wpe, SDVariable ids, SDVariable past) {
        super(sd, wte, wpe, ids, past);
    }

    @Override
    public String opName() {
        return "minigpt_embedding_at";
    }

    @Override
    protected List<long[]> outputShapes(List<INDArray> in) {
        Checks.inputs(opName(), in, 4, 4);
        INDArray wte = in.get(0);
        INDArray ids = in.get(2);
        Checks.single(opName(), wte);
        Checks.shape(opName(), "wte", wte, -1, -1);
        Checks.shape(opName(), "wpe", in.get(1), -1, wte.size(1));
        Checks.ints(opName(), "ids", ids, -1, -1);
        Checks.ints(opName(), "past", in.get(3), ids.size(0));
        return List.of(new long[] {ids.size(0), ids.size(1), wte.size(1)});
    }

    @Override
    public Runnable bind(INDArray[] in, INDArray[] out) {
        int t = (int) in[2].size(1);
        Ints ids = new Ints(in[2]);
        Ints past = new Ints(in[3]);
        EmbeddingAtKernel kernel = new EmbeddingAtKernel(
                t, (int) in[0].size(1), (int) in[1].size(0), Floats.of(in[0]), Floats.of(in[1]), Floats.of(out[0]));
        long vocab = in[0].size(0);
        long positions = in[1].size(0);
        return () -> kernel.forward(ids.read(opName(), "ids", vocab), past.read(opName(), "past", positions));
    }
}
