package org.minigpt.ops;

import java.util.List;
import org.minigpt.kernels.EmbeddingKernel;
import org.minigpt.kernels.Floats;
import org.minigpt.kernels.Reference;
import org.minigpt.util.MiniGptException;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Token plus learned position embedding: wte [V,C], wpe [P,C], ids [B,T] (INT or LONG, T ≤ P) to
 * y[b,t] = wte[ids[b,t]] + wpe[t], [B,T,C]. The ids come last because they have no gradient.
 */
public final class EmbeddingOp extends JavaOp {
    /** For SameDiff. */
    public EmbeddingOp() {}

    /** @param ids [B,T] */
    public EmbeddingOp(SameDiff sd, SDVariable wte, SDVariable wpe, SDVariable ids) {
        super(sd, wte, wpe, ids);
    }

    @Override
    public String opName() {
        return "minigpt_embedding";
    }

    @Override
    protected List<long[]> outputShapes(List<INDArray> in) {
        Checks.inputs(opName(), in, 3, 3);
        INDArray wte = in.get(0);
        INDArray wpe = in.get(1);
        INDArray ids = in.get(2);
        Checks.shape(opName(), "wte", wte, -1, -1);
        Checks.shape(opName(), "wpe", wpe, -1, wte.size(1));
        Checks.integers(opName(), "ids", ids);
        if (ids.rank() != 2) {
            throw new MiniGptException(opName() + " needs ids of rank 2, [B,T], but got rank " + ids.rank()
                    + "; reshape a single sequence to [1,T]");
        }
        if (ids.size(1) > wpe.size(0)) {
            throw new MiniGptException(opName() + ": the sequence has " + ids.size(1) + " tokens, but block_size is "
                    + wpe.size(0) + "; crop it to its last " + wpe.size(0) + " tokens");
        }
        return List.of(new long[] {ids.size(0), ids.size(1), wte.size(1)});
    }

    @Override
    public Runnable bind(INDArray[] in, INDArray[] out) {
        int b = (int) in[2].size(0);
        int t = (int) in[2].size(1);
        int c = (int) in[0].size(1);
        long vocab = in[0].size(0);
        int[] ids = new int[b * t];
        if (JavaOps.isDouble(in[0])) {
            return () -> {
                readIds(in[2], ids, vocab);
                double[] y = new double[b * t * c];
                Reference.embedding(ids, JavaOps.read(in[0]), JavaOps.read(in[1]), t, c, y);
                JavaOps.write(y, out[0]);
            };
        }
        EmbeddingKernel kernel = new EmbeddingKernel(b, t, c);
        Floats wte = Floats.of(in[0]);
        Floats wpe = Floats.of(in[1]);
        Floats y = Floats.of(out[0]);
        return () -> {
            readIds(in[2], ids, vocab);
            kernel.forward(ids, wte, wpe, y);
        };
    }

    private static void readIds(INDArray array, int[] ids, long vocab) {
        Checks.read(array, ids);
        Checks.ids("minigpt_embedding", "ids", ids, vocab, 0);
    }

    @Override
    public List<SDVariable> doDiff(List<SDVariable> gradients) {
        return new Gradient(sameDiff, arg(0), arg(1), arg(2), gradients.get(0)).outputs();
    }

    /** wte [V,C], wpe [P,C], ids [B,T], dy [B,T,C] to dwte [V,C], dwpe [P,C]: repeated ids add up. */
    public static final class Gradient extends JavaOp {
        /** For SameDiff. */
        public Gradient() {}

        Gradient(SameDiff sd, SDVariable wte, SDVariable wpe, SDVariable ids, SDVariable dy) {
            super(sd, wte, wpe, ids, dy);
        }

        @Override
        public String opName() {
            return "minigpt_embedding_bp";
        }

        @Override
        public int getNumOutputs() {
            return 2;
        }

        @Override
        protected List<long[]> outputShapes(List<INDArray> in) {
            Checks.inputs(opName(), in, 4, 4);
            return List.of(in.get(0).shape(), in.get(1).shape());
        }

        @Override
        public Runnable bind(INDArray[] in, INDArray[] out) {
            int b = (int) in[2].size(0);
            int t = (int) in[2].size(1);
            int c = (int) in[0].size(1);
            int vocab = (int) in[0].size(0);
            int positions = (int) in[1].size(0);
            int[] ids = new int[b * t];
            if (JavaOps.isDouble(in[0])) {
                return () -> {
                    readIds(in[2], ids, vocab);
                    double[] dwte = new double[vocab * c];
                    double[] dwpe = new double[positions * c];
                    Reference.embeddingGradient(ids, JavaOps.read(in[3]), t, c, dwte, dwpe);
                    JavaOps.write(dwte, out[0]);
                    JavaOps.write(dwpe, out[1]);
                };
            }
            EmbeddingKernel kernel = new EmbeddingKernel(b, t, c);
            Floats dy = Floats.of(in[3]);
            Floats dwte = Floats.of(out[0]);
            Floats dwpe = Floats.of(out[1]);
            return () -> {
                readIds(in[2], ids, vocab);
                kernel.backward(ids, dy, vocab, dwte, positions, dwpe);
            };
        }
    }
}
