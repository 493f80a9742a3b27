package org.minigpt.internal.ops;

import java.util.List;
import org.minigpt.MiniGptException;
import org.minigpt.internal.kernels.BlockMatrix;
import org.minigpt.internal.kernels.EmbeddingKernel;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.Reference;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Token plus learned position embedding: wte [V,C], wpe [P,C], ids [B,T] (INT or LONG, T ≤ P) to
 * y[b,t] = wte[ids[b,t]] + wpe[t], [B,T,C]; without wpe y[b,t] = wte[ids[b,t]]. The ids come last because they have no
 * gradient.
 *
 * <p>For generating, without a gradient, each row of the batch may begin at a position of its own: past [B] after the
 * ids makes it wpe[past[b] + t]. Positions beyond the last, which only padding has, count as the last. There wte may be a
 * {@link BlockMatrix} too.
 *
 * <p>Where a row holds several texts, positions [B,T] after the ids make it wpe[positions[b,t]], with a gradient.
 */
public final class EmbeddingOp extends KernelOp {
    /** For SameDiff. */
    public EmbeddingOp() {}

    /**
     * @param wpe null for none
     * @param ids [B,T]
     */
    public EmbeddingOp(SameDiff sd, SDVariable wte, SDVariable wpe, SDVariable ids) {
        super(sd, wpe == null ? new SDVariable[] {wte, ids} : new SDVariable[] {wte, wpe, ids});
    }

    /**
     * @param ids [B,T]
     * @param past [B], the position of each row's first token
     */
    public EmbeddingOp(SameDiff sd, SDVariable wte, SDVariable wpe, SDVariable ids, SDVariable past) {
        super(sd, wte, wpe, ids, past);
    }

    /** @return one with positions [B,T], 0 where a text begins */
    public static EmbeddingOp packed(
            SameDiff sd, SDVariable wte, SDVariable wpe, SDVariable ids, SDVariable positions) {
        EmbeddingOp op = new EmbeddingOp(sd, wte, wpe, ids, positions);
        op.addBArgument(true);
        return op;
    }

    private boolean packed() {
        return numBArguments() > 0 && getBArgument(0);
    }

    /** @return the checked values of the last of four inputs */
    private int[] past(Ints values, INDArray[] in) {
        return packed()
                ? Checks.positions(opName(), values.read(), (int) in[2].size(1))
                : Checks.past(opName(), values.read(), in[1].size(0));
    }

    /** @param inputs how many there are: without positions, with them, or with a past too */
    private static int idsAt(int inputs) {
        return inputs == 2 ? 1 : 2;
    }

    @Override
    public String opName() {
        return "minigpt_embedding";
    }

    @Override
    protected List<long[]> outputShapes(List<INDArray> in) {
        Checks.inputs(opName(), in, 2, 4);
        INDArray wte = in.get(0);
        INDArray wpe = in.size() > 2 ? in.get(1) : null;
        INDArray ids = in.get(idsAt(in.size()));
        boolean blocks = BlockMatrix.is(wte);
        if (!blocks) {
            Checks.shape(opName(), "wte", wte, -1, -1);
        }
        long width = blocks ? BlockMatrix.columns(wte) : wte.size(1);
        if (wpe != null) {
            Checks.shape(opName(), "wpe", wpe, -1, width);
        }
        Checks.integers(opName(), "ids", ids);
        if (ids.rank() != 2) {
            throw new MiniGptException(opName() + " needs ids of rank 2, [B,T], but got rank " + ids.rank()
                    + "; reshape a single sequence to [1,T]");
        }
        if (packed()) {
            Checks.tokens(opName(), "positions", in.get(3), ids);
        }
        if (in.size() == 4 && !packed()) {
            Checks.integers(opName(), "past", in.get(3));
            Checks.vector(opName(), "past", in.get(3), ids.size(0));
        } else if (wpe != null && ids.size(1) > wpe.size(0)) {
            throw new MiniGptException(opName() + ": the sequence has " + ids.size(1) + " tokens, but block_size is "
                    + wpe.size(0) + "; crop it to its last " + wpe.size(0) + " tokens");
        }
        return List.of(new long[] {ids.size(0), ids.size(1), width});
    }

    /** FLOAT if the table is in blocks. */
    @Override
    public List<DataType> calculateOutputDataTypes(List<DataType> inTypes) {
        return inTypes.get(0).isFPType() ? super.calculateOutputDataTypes(inTypes) : List.of(DataType.FLOAT);
    }

    @Override
    Runnable bindFloats(INDArray[] in, INDArray[] out) {
        Ints ids = new Ints(in[idsAt(in.length)]);
        Ints past = in.length == 4 ? new Ints(in[3]) : null;
        Runnable kernel = new EmbeddingKernel(
                (int) out[0].size(1),
                (int) out[0].size(2),
                ids.values(),
                EmbeddingKernel.Table.of(in[0]),
                in.length > 2 ? Floats.of(in[1]) : null,
                past == null ? null : past.values(),
                Floats.of(out[0]));
        return () -> {
            ids.read("minigpt_embedding", "ids", in[0].size(0));
            if (past != null) {
                past(past, in);
            }
            kernel.run();
        };
    }

    @Override
    void compute(INDArray[] in, double[][] x, double[][] y) {
        INDArray ids = in[idsAt(in.length)];
        int[] past = in.length == 4 ? past(new Ints(in[3]), in) : null;
        Reference.embedding(
                new Ints(ids).read("minigpt_embedding", "ids", in[0].size(0)),
                x[0],
                in.length > 2 ? x[1] : null,
                past,
                (int) ids.size(1),
                (int) in[0].size(1),
                y[0]);
    }

    @Override
    public List<SDVariable> doDiff(List<SDVariable> gradients) {
        int last = args().length - 1;
        if (packed()) {
            return new Gradient(sameDiff, true, arg(0), arg(1), arg(3), arg(2), gradients.get(0)).outputs();
        }
        if (last == 3) {
            throw new MiniGptException(
                    opName() + " with a past is for generating and has no gradient; train without one");
        }
        return last == 2
                ? new Gradient(sameDiff, true, arg(0), arg(1), arg(2), gradients.get(0)).outputs()
                : new Gradient(sameDiff, false, arg(0), arg(1), gradients.get(0)).outputs();
    }

    /**
     * wte [V,C], wpe [P,C], if any, positions [B,T], if any, ids [B,T] and dy [B,T,C] to dwte [V,C] and dwpe [P,C]:
     * repeated ids add up.
     */
    public static final class Gradient extends KernelOp {
        /** For SameDiff. */
        public Gradient() {}

        Gradient(SameDiff sd, boolean learned, SDVariable... inputs) {
            super(sd, inputs);
            addBArgument(learned);
        }

        /** @return null if rows are one text each */
        private static Ints positionsOfTokens(INDArray[] in) {
            return in.length == 5 ? new Ints(in[2]) : null;
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
            Checks.inputs(opName(), in, positions() ? 4 : 3, positions() ? 5 : 3);
            long[] wte = in.get(0).shape();
            return positions() ? List.of(wte, in.get(1).shape()) : List.of(wte);
        }

        @Override
        Runnable bindFloats(INDArray[] in, INDArray[] out) {
            Ints ids = new Ints(in[in.length - 2]);
            Ints positions = positionsOfTokens(in);
            Floats dy = Floats.of(in[in.length - 1]);
            Runnable kernel = new EmbeddingKernel.Gradient(
                    (int) in[in.length - 2].size(1),
                    (int) in[0].size(1),
                    ids.values(),
                    positions == null ? null : positions.values(),
                    dy,
                    Floats.of(out[0]),
                    floats(out, 1));
            return () -> {
                ids.read("minigpt_embedding", "ids", in[0].size(0));
                if (positions != null) {
                    Checks.positions("minigpt_embedding", positions.read(), (int) in[2].size(1));
                }
                kernel.run();
            };
        }

        @Override
        void compute(INDArray[] in, double[][] x, double[][] y) {
            INDArray ids = in[in.length - 2];
            Ints positions = positionsOfTokens(in);
            Reference.embeddingGradient(
                    new Ints(ids).read("minigpt_embedding", "ids", in[0].size(0)),
                    x[in.length - 1],
                    positions == null ? null : positions.read(),
                    (int) ids.size(1),
                    (int) in[0].size(1),
                    y[0],
                    optional(y, 1));
        }
    }
}
