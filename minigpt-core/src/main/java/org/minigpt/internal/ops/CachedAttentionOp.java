package org.minigpt.internal.ops;

import java.util.List;
import org.minigpt.MiniGptException;
import org.minigpt.internal.kernels.CachedAttentionKernel;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.HeapCache;
import org.minigpt.internal.parallel.Workers;
import org.minigpt.ops.JavaOp;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * {@link CausalAttentionOp} for generating, FLOAT and without a gradient: appends the keys and values of new tokens to
 * caches, which it changes in place, and lets the tokens attend to all that their sequences have there.
 *
 * <p>Inputs: qkv [B,T,(H+2G)·D]; the caches of keys and of values, each [R,G,S,D], of R sequences of up to S tokens; and
 * INT [B] each, by row of the batch: {@code rows}, the sequence in the cache; {@code past}, the tokens that it has there;
 * {@code count}, its new tokens, at most T, the others of the row being padding. Output: y [B,T,H·D], 0 where there is
 * padding. H heads of queries share G of keys and values; G = H is the usual attention.
 */
public final class CachedAttentionOp extends JavaOp {
    /** Multiplications from which a second thread gains more than handing the work over costs. */
    private static final long WORTH_SHARING = 1 << 17;

    private final HeapCache heap;

    /** For SameDiff. */
    public CachedAttentionOp() {
        heap = null;
    }

    /**
     * @param heads H
     * @param alibi whether scores fall off with the distance
     * @param rows of the caches, by row of the batch
     * @param heap for one token each, beside both caches; null to leave all products to BLAS
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
            boolean alibi,
            HeapCache heap) {
        super(sd, qkv, keys, values, rows, past, count);
        addIArgument(heads);
        addBArgument(alibi);
        this.heap = heap;
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
        long groups = keys.size(1);
        long d = keys.size(3);
        if (heads % groups != 0 || qkv.size(2) != (heads + 2 * groups) * d) {
            throw new MiniGptException(opName() + " has caches of " + groups + " heads with " + d
                    + " entries, to which qkv with " + heads + " heads of queries and a last axis of " + qkv.size(2)
                    + " does not fit; make caches with the number of key heads");
        }
        return List.of(new long[] {qkv.size(0), qkv.size(1), heads * d});
    }

    @Override
    public Runnable bind(INDArray[] in, INDArray[] out) {
        int b = (int) in[0].size(0);
        int t = (int) in[0].size(1);
        int groups = (int) in[1].size(1);
        int capacity = (int) in[1].size(2);
        int heads = getIArgument(0).intValue();
        int width = heads * (int) in[1].size(3);
        Ints rowsIn = new Ints(in[3]);
        Ints pastIn = new Ints(in[4]);
        Ints countIn = new Ints(in[5]);
        int[] rows = rowsIn.read();
        int[] past = pastIn.read();
        int[] count = countIn.read();
        CachedAttentionKernel kernel = kernel(in, out);
        CachedAttentionKernel second = kernel(in, out);
        int tasks = b * groups;
        Runnable lower = () -> attend(kernel, groups, rows, past, count, 0, tasks / 2);
        Runnable upper = () -> attend(second, groups, rows, past, count, tasks / 2, tasks);
        return () -> {
            rowsIn.read(opName(), "rows", in[1].size(0));
            pastIn.read();
            countIn.read();
            long products = 0;
            for (int i = 0; i < b; i++) {
                if (past[i] < 0 || count[i] < 0 || count[i] > t || past[i] + count[i] > capacity) {
                    throw new MiniGptException(opName() + " is to append " + count[i] + " of " + t + " tokens to "
                            + past[i] + " in a cache of " + capacity + "; make a larger one");
                }
                products += 2L * count[i] * (past[i] + count[i]) * width;
                kernel.append(i, rows[i], past[i], count[i]);
            }
            if (products < WORTH_SHARING) {
                lower.run();
                upper.run();
            } else {
                Workers.runBoth(lower, upper);
            }
        };
    }

    private static void attend(
            CachedAttentionKernel kernel, int groups, int[] rows, int[] past, int[] count, int from, int to) {
        for (int i = from; i < to; i++) {
            int b = i / groups;
            kernel.attend(b, rows[b], i % groups, past[b], count[b]);
        }
    }

    private CachedAttentionKernel kernel(INDArray[] in, INDArray[] out) {
        return new CachedAttentionKernel(
                (int) in[0].size(1),
                getIArgument(0).intValue(),
                (int) in[1].size(1),
                (int) in[1].size(3),
                (int) in[1].size(2),
                getBArgument(0),
                Floats.of(in[0]),
                Floats.of(in[1]),
                Floats.of(in[2]),
                heap != null && heap.used() ? heap : null,
                Floats.of(out[0]));
    }
}
