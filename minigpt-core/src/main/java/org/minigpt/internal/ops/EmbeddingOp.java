package org.minigpt.internal.ops;

import java.util.List;
import org.minigpt.MiniGptException;
import org.minigpt.internal.kernels.EmbeddingKernel;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.Reference;
import org.minigpt.ops.JavaOp;
import org.minigpt.ops.JavaOps;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Token plus learned position embedding: wte [V,C], wpe [P,C], ids [B,T] (INT or LONG, T ≤ P) to
 * y[b,t] = wte[ids[b,t]] + wpe[t], [B,T,C]; without wpe y[b,t] = wte[ids[b,t]]. The ids come last because they have no
 * gradient.
 */
public final class EmbeddingOp extends JavaOp {
    /** For SameDiff. */
    public EmbeddingOp() {}

    /**
     * @param wpe null for none
     * @param ids [B,T]
     */
    public EmbeddingOp(SameDiff sd, SDVariable wte, SDVariable wpe, SDVariable ids) {
        super(sd, wpe == null ? new SDVariable[] {wte, ids} : new SDVariable[] {wte, wpe, ids});
    }

    @Override
    public String opName() {
        return "minigpt_embedding";
    }

    @Override
    protected List<long[]> outputShapes(List<INDArray> in) {
        Checks.inputs(opName(), in, 2, 3);
        INDArray wte = in.get(0);
        INDArray wpe = in.size() == 3 ? in.get(1) : null;
        INDArray ids = in.get(in.size() - 1);
        Checks.shape(opName(), "wte", wte, -1, -1);
        if (wpe != null) {
            Checks.shape(opName(), "wpe", wpe, -1, wte.size(1));
        }
        Checks.integers(opName(), "ids", ids);
        if (ids.rank() != 2) {
            throw new MiniGptException(opName() + " needs ids of rank 2, [B,T], but got rank " + ids.rank()
                    + "; reshape a single sequence to [1,T]");
        }
        if (wpe != null && ids.size(1) > wpe.size(0)) {
            throw new MiniGptException(opName() + ": the sequence has " + ids.size(1) + " tokens, but block_size is "
                    + wpe.size(0) + "; crop it to its last " + wpe.size(0) + " tokens");
        }
        return List.of(new long[] {ids.size(0), ids.size(1), wte.size(1)});
    }

    @Override
    public Runnable bind(INDArray[] in, INDArray[] out) {
        INDArray idArray = in[in.length - 1];
        boolean positions = in.length == 3;
        int b = (int) idArray.size(0);
        int t = (int) idArray.size(1);
        int c = (int) in[0].size(1);
        long vocab = in[0].size(0);
        int[] ids = new int[b * t];
        if (JavaOps.isDouble(in[0])) {
            return () -> {
                readIds(idArray, ids, vocab);
                double[] y = new double[b * t * c];
                double[] wpe = positions ? JavaOps.read(in[1]) : null;
                Reference.embedding(ids, JavaOps.read(in[0]), wpe, t, c, y);
                JavaOps.write(y, out[0]);
            };
        }
        EmbeddingKernel kernel = new EmbeddingKernel(b, t, c);
        Floats wte = Floats.of(in[0]);
        Floats wpe = positions ? Floats.of(in[1]) : null;
        Floats y = Floats.of(out[0]);
        return () -> {
            readIds(idArray, ids, vocab);
            kernel.forward(ids, wte, wpe, y);
        };
    }

    private static void readIds(INDArray array, int[] ids, long vocab) {
        Checks.read(array, ids);
        Checks.ids("minigpt_embedding", "ids", ids, vocab, 0);
    }

    @Override
    public List<SDVariable> doDiff(List<SDVariable> gradients) {
        int last = args().length - 1;
        SDVariable wpe = last == 2 ? arg(1) : null;
        return new Gradient(sameDiff, arg(0), wpe, arg(last), gradients.get(0)).outputs();
    }

    /** wte [V,C], ids [B,T], dy [B,T,C] and wpe [P,C], if any, to dwte [V,C] and dwpe [P,C]: repeated ids add up. */
    public static final class Gradient extends JavaOp {
        /** For SameDiff. */
        public Gradient() {}

        Gradient(SameDiff sd, SDVariable wte, SDVariable wpe, SDVariable ids, SDVariable dy) {
            super(sd, wpe == null ? new SDVariable[] {wte, ids, dy} : new SDVariable[] {wte, wpe, ids, dy});
            addBArgument(wpe != null);
        }

        /** Files of old say nothing, and have positions. */
        private boolean positions() {
            return numBArguments() == 0 || getBArgument(0);
        }

        @Override
        public String opName() {
            return "minigpt_embedding_bp";
        }

        @Override
        public int getNumOutputs() {
            return positions() ? 2 : 1;
        }

        @Override
        protected List<long[]> outputShapes(List<INDArray> in) {
            Checks.inputs(opName(), in, positions() ? 4 : 3, positions() ? 4 : 3);
            long[] wte = in.get(0).shape();
            return positions() ? List.of(wte, in.get(1).shape()) : List.of(wte);
        }

        @Override
        public Runnable bind(INDArray[] in, INDArray[] out) {
            INDArray idArray = in[in.length - 2];
            INDArray dyArray = in[in.length - 1];
            int b = (int) idArray.size(0);
            int t = (int) idArray.size(1);
            int c = (int) in[0].size(1);
            int vocab = (int) in[0].size(0);
            int positions = positions() ? (int) in[1].size(0) : 0;
            int[] ids = new int[b * t];
            if (JavaOps.isDouble(in[0])) {
                return () -> {
                    readIds(idArray, ids, vocab);
                    double[] dwte = new double[vocab * c];
                    double[] dwpe = positions > 0 ? new double[positions * c] : null;
                    Reference.embeddingGradient(ids, JavaOps.read(dyArray), t, c, dwte, dwpe);
                    JavaOps.write(dwte, out[0]);
                    if (dwpe != null) {
                        JavaOps.write(dwpe, out[1]);
                    }
                };
            }
            EmbeddingKernel kernel = new EmbeddingKernel(b, t, c);
            Floats dy = Floats.of(dyArray);
            Floats dwte = Floats.of(out[0]);
            Floats dwpe = positions > 0 ? Floats.of(out[1]) : null;
            return () -> {
                readIds(idArray, ids, vocab);
                kernel.backward(ids, dy, vocab, dwte, positions, dwpe);
            };
        }
    }
}
