package org.minigpt.internal.ops;

import java.util.List;
import org.minigpt.MiniGptException;
import org.minigpt.internal.kernels.AttentionShape;
import org.minigpt.internal.kernels.CachedAttentionKernel;
import org.minigpt.internal.kernels.DecodeMemory;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.HeapCache;
import org.minigpt.internal.kernels.LinearChoice;
import org.minigpt.internal.parallel.Team;
import org.minigpt.internal.parallel.Work;
import org.minigpt.ops.JavaOp;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * {@link CausalAttentionOp} for generating, FLOAT and without a gradient: appends the keys and values of new tokens to
 * caches, which it changes in place, and lets the tokens attend to all that their sequences have there.
 *
 * <p>Inputs: qkv [B,T,(H+2K)·D]; the caches of keys and of values, each [R,K,S,D], of R sequences of up to S tokens;
 * and INT [B] each, by row of the batch: {@code rows}, the sequence in the cache; {@code past}, the tokens that it has
 * there; {@code count}, its new tokens, at most T, the others of the row being padding. Output: y [B,T,H·D], 0 where
 * there is padding. H heads of queries share K of keys and values; K = H is the usual attention.
 */
public final class CachedAttentionOp extends JavaOp implements DecodeOp {
    /** For SameDiff. */
    public CachedAttentionOp() {}

    /**
     * @param heads H
     * @param alibi whether scores fall off with the distance
     * @param rows of the caches, by row of the batch
     */
    public CachedAttentionOp(
            SameDiff sd,
            SDVariable qkv,
            SDVariable keys,
            SDVariable values,
            SDVariable rows,
            SDVariable past,
            SDVariable count,
            int heads,
            boolean alibi) {
        super(sd, qkv, keys, values, rows, past, count);
        addIArgument(heads);
        addBArgument(alibi);
    }

    @Override
    public String opName() {
        return "minigpt_cached_attention";
    }

    @Override
    protected List<long[]> outputShapes(List<INDArray> in) {
        Checks.inputs(opName(), in, 6, 6);
        INDArray qkv = in.get(0);
        Checks.single(opName(), qkv);
        Checks.shape(opName(), "qkv", qkv, -1, -1, -1);
        INDArray keys = in.get(1);
        Checks.shape(opName(), "the cache of keys", keys, -1, -1, -1, -1);
        Checks.shape(opName(), "the cache of values", in.get(2), keys.shape());
        for (int i = 3; i < 6; i++) {
            String name = List.of("rows", "past", "count").get(i - 3);
            Checks.ints(opName(), name, in.get(i), qkv.size(0));
        }
        long heads = getIArgument(0);
        long kvHeads = keys.size(1);
        long d = keys.size(3);
        if (heads % kvHeads != 0 || qkv.size(2) != (heads + 2 * kvHeads) * d) {
            throw new MiniGptException(opName() + " has caches of " + kvHeads + " heads with " + d
                    + " entries, to which qkv with " + heads + " heads of queries and a last axis of " + qkv.size(2)
                    + " does not fit; make caches with the number of key heads");
        }
        return List.of(new long[] {qkv.size(0), qkv.size(1), heads * d});
    }

    @Override
    public Runnable bind(INDArray[] in, INDArray[] out) {
        return bind(in, out, null);
    }

    @Override
    public Runnable bind(INDArray[] in, INDArray[] out, DecodeMemory.Member member) {
        return new Bound(in, out, member);
    }

    /** The attention of one plan, its parts heads of keys of the batch's rows. */
    private final class Bound implements Runnable, Work {
        private final int b;
        private final AttentionShape shape;
        private final int sequences; // R
        private final int capacity;
        private final Ints rowsIn;
        private final Ints pastIn;
        private final Ints countIn;
        private final int[] rows;
        private final int[] past;
        private final int[] count;
        private final Team team; // null for one thread
        private final CachedAttentionKernel[] kernels;
        private int parts;

        Bound(INDArray[] in, INDArray[] out, DecodeMemory.Member member) {
            b = (int) in[0].size(0);
            shape = new AttentionShape(
                    (int) in[0].size(1),
                    getIArgument(0).intValue(),
                    (int) in[1].size(1),
                    (int) in[1].size(3),
                    getBArgument(0));
            sequences = (int) in[1].size(0);
            capacity = (int) in[1].size(2);
            rowsIn = new Ints(in[3]);
            pastIn = new Ints(in[4]);
            countIn = new Ints(in[5]);
            rows = rowsIn.read();
            past = pastIn.read();
            count = countIn.read();
            team = member == null ? null : member.memory().team();
            HeapCache heap = member == null ? null : member.memory().heap(in[1]);
            kernels = new CachedAttentionKernel[team == null ? 1 : Math.min(team.size(), b * shape.kvHeads())];
            for (int i = 0; i < kernels.length; i++) {
                kernels[i] = new CachedAttentionKernel(
                        shape, capacity, Floats.of(in[0]), Floats.of(in[1]), Floats.of(in[2]), heap, Floats.of(out[0]));
            }
        }

        @Override
        public void run() {
            rowsIn.read(opName(), "rows", sequences);
            pastIn.read();
            countIn.read();
            long products = 0;
            for (int i = 0; i < b; i++) {
                if (past[i] < 0 || count[i] < 0 || count[i] > shape.t() || past[i] + count[i] > capacity) {
                    throw new MiniGptException(opName() + " is to append " + count[i] + " of " + shape.t()
                            + " tokens to " + past[i] + " in a cache of " + capacity + "; make a larger one");
                }
                products += 2L * count[i] * (past[i] + count[i]) * shape.c();
                kernels[0].append(i, rows[i], past[i], count[i]);
            }
            parts = LinearChoice.attentionParts(products, kernels.length);
            if (team == null) {
                Work.alone(this);
            } else {
                team.run(this);
            }
        }

        @Override
        public int parts() {
            return parts;
        }

        @Override
        public void run(int part) {
            int tasks = b * shape.kvHeads();
            int to = Work.cut(tasks, part + 1, parts, 1);
            for (int i = Work.cut(tasks, part, parts, 1); i < to; i++) {
                int row = i / shape.kvHeads();
                kernels[part].attend(row, rows[row], i % shape.kvHeads(), past[row], count[row]);
            }
        }
    }
}
