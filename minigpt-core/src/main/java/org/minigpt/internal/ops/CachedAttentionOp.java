package org.minigpt.internal.ops;

import java.util.List;
import org.minigpt.MiniGptException;
import org.minigpt.internal.kernels.AttentionShape;
import org.minigpt.internal.kernels.CachedAttentionKernel;
import org.minigpt.internal.kernels.DecodeMemory;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.KeyValueCache;
import org.minigpt.internal.kernels.LinearChoice;
import org.minigpt.internal.parallel.Work;
import org.minigpt.ops.JavaOp;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * {@link CausalAttentionOp} for generating, FLOAT and without a gradient: appends the keys and values of new tokens to
 * the caches that its decoder has for its layer, and lets the tokens attend to all that their sequences have there.
 *
 * <p>Inputs: qkv [B,T,(H+2K)·D], and INT [B] each, by row of the batch: {@code rows}, the sequence in the cache;
 * {@code past}, the tokens that it has there; {@code count}, its new tokens, at most T, the others of the row being
 * padding. Output: y [B,T,H·D], 0 where there is padding. H heads of queries share K of keys and values; K = H is the
 * usual attention.
 */
public final class CachedAttentionOp extends JavaOp implements DecodeOp {
    /** For SameDiff. */
    public CachedAttentionOp() {}

    /**
     * @param heads H
     * @param kvHeads K
     * @param layer the number of its caches, see {@link DecodeMemory#addCache}
     * @param alibi whether scores fall off with the distance
     * @param rows of the caches, by row of the batch
     */
    public CachedAttentionOp(
            SameDiff sd,
            SDVariable qkv,
            SDVariable rows,
            SDVariable past,
            SDVariable count,
            int heads,
            int kvHeads,
            int layer,
            boolean alibi) {
        super(sd, qkv, rows, past, count);
        addIArgument(heads, kvHeads, layer);
        addBArgument(alibi);
    }

    @Override
    public String opName() {
        return "minigpt_cached_attention";
    }

    private int argument(int at) {
        return getIArgument(at).intValue();
    }

    @Override
    protected List<long[]> outputShapes(List<INDArray> in) {
        Checks.inputs(opName(), in, 4, 4);
        INDArray qkv = in.get(0);
        Checks.single(opName(), qkv);
        Checks.shape(opName(), "qkv", qkv, -1, -1, -1);
        for (int i = 1; i < 4; i++) {
            Checks.ints(opName(), List.of("rows", "past", "count").get(i - 1), in.get(i), qkv.size(0));
        }
        long width = qkv.size(2);
        int all = argument(0) + 2 * argument(1);
        if (argument(0) % argument(1) != 0 || width % all != 0) {
            throw new MiniGptException(opName() + " is for " + argument(0) + " heads of queries and " + argument(1)
                    + " of keys, which a last axis of " + width + " does not have; pass queries, keys and values of"
                    + " one width");
        }
        return List.of(new long[] {qkv.size(0), qkv.size(1), argument(0) * (width / all)});
    }

    @Override
    public Runnable bind(INDArray[] in, INDArray[] out) {
        throw new MiniGptException(
                opName() + " has its keys and values in a decoder; run its graph by one, as Gpt.decoder does");
    }

    @Override
    public Runnable bind(INDArray[] in, INDArray[] out, DecodeMemory memory) {
        return new Bound(in, out, memory);
    }

    /** The attention of one plan, its parts heads of keys of the batch's rows. */
    private final class Bound implements Runnable, Work {
        private final int b;
        private final AttentionShape shape;
        private final KeyValueCache cache;
        private final Ints rowsIn;
        private final Ints pastIn;
        private final Ints countIn;
        private final int[] rows;
        private final int[] past;
        private final int[] count;
        private final DecodeMemory memory;
        private final CachedAttentionKernel kernel;
        private int parts;

        Bound(INDArray[] in, INDArray[] out, DecodeMemory memory) {
            b = (int) in[0].size(0);
            this.memory = memory;
            cache = memory.cache(argument(2));
            shape = new AttentionShape((int) in[0].size(1), argument(0), cache.kvHeads(), cache.d(), getBArgument(0));
            rowsIn = new Ints(in[1]);
            pastIn = new Ints(in[2]);
            countIn = new Ints(in[3]);
            rows = rowsIn.read();
            past = pastIn.read();
            count = countIn.read();
            kernel = new CachedAttentionKernel(shape, Floats.of(in[0]), memory, cache, Floats.of(out[0]));
        }

        @Override
        public void run() {
            rowsIn.read();
            pastIn.read();
            countIn.read();
            long products = 0;
            for (int i = 0; i < b; i++) {
                if (rows[i] < 0 || rows[i] >= cache.sequences()) {
                    throw new MiniGptException(opName() + ": rows[" + i + "] is " + rows[i] + ", but the decoder's "
                            + cache.sequences() + " sequences are 0 to " + (cache.sequences() - 1)
                            + "; make it for more sequences");
                }
                if (past[i] < 0 || count[i] < 0 || count[i] > shape.t() || past[i] + count[i] > cache.capacity()) {
                    throw new MiniGptException(opName() + " is to append " + count[i] + " of " + shape.t()
                            + " tokens to " + past[i] + " in a cache of " + cache.capacity() + "; make a larger one");
                }
                products += 2L * count[i] * (past[i] + count[i]) * shape.c();
                cache.allocate(rows[i], past[i] + count[i]);
            }
            parts = LinearChoice.attentionParts(products, Math.min(memory.team().size(), b * shape.kvHeads()));
            memory.team().run(this);
        }

        @Override
        public int parts() {
            return parts;
        }

        @Override
        public void run(int part) {
            int heads = shape.kvHeads();
            int from = Work.cut(b * heads, part, parts, 1);
            int to = Work.cut(b * heads, part + 1, parts, 1);
            for (int row = from / heads; row * heads < to; row++) {
                int first = Math.max(from - row * heads, 0);
                int end = Math.min(to - row * heads, heads);
                kernel.attend(part, row, rows[row], first, end, past[row], count[row]);
            }
        }
    }
}
