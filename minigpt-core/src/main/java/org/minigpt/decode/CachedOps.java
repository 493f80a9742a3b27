package org.minigpt.decode;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.minigpt.MiniGptException;
import org.minigpt.graph.FusedOps;
import org.minigpt.graph.OpSet;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.HeapCache;
import org.minigpt.internal.kernels.SharedBatch;
import org.minigpt.internal.kernels.WeightPanels;
import org.minigpt.internal.ops.CachedAttentionOp;
import org.minigpt.internal.ops.EmbeddingOp;
import org.minigpt.internal.ops.InferenceLinearOp;
import org.minigpt.internal.ops.LastTokenOp;
import org.minigpt.internal.ops.RotaryOp;
import org.minigpt.internal.runtime.Workspaces;
import org.minigpt.internal.simd.Gelu;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * The op set of generation: the same layers, defined with it, make a graph that takes only the new tokens of each
 * sequence and keeps the keys and values of those before them in caches. The values are those of {@link FusedOps} on whole
 * sequences. There are no gradients, and only FLOAT.
 *
 * <p>What depends on a token's position must reckon with {@link Sequences#past}, so each operation of a new kind of layer
 * is to be put here deliberately: none is inherited.
 */
final class CachedOps implements OpSet {

    /**
     * The inputs of the graph that say which sequences the rows of a batch belong to, each INT [B].
     *
     * @param rows the sequence's place in the caches
     * @param past the number of its tokens whose keys and values are there
     * @param count the number of new ones; the rest of the row is padding
     */
    public record Sequences(SDVariable rows, SDVariable past, SDVariable count) {}

    /**
     * What to keep on the heap as well, where products with it are faster.
     *
     * @param batch if not null, the weights for products of few rows, see {@link #forgetWeights}, of which two threads may
     *     each compute half in this batch
     * @param caches for single tokens, see {@link #toCaches} and {@link #keepOnHeap}
     */
    public record OnHeap(SharedBatch batch, boolean caches) {}

    private final FusedOps fused = new FusedOps();
    private final Sequences sequences;
    private final int capacity;
    private final int maxRows;
    private final OnHeap onHeap;
    private final List<INDArray> caches = new ArrayList<>();
    private final List<WeightPanels> panels = new ArrayList<>();
    private final List<HeapCache> heapCaches = new ArrayList<>();

    /** The last axis of what {@link #linear} computes, by name: the variables know their shapes only when they run. */
    private final Map<String, Long> widths = new HashMap<>();

    /**
     * @param maxRows R, the sequences that the caches have room for
     * @param capacity S, the tokens of each
     * @param onHeap what to keep there as well
     */
    public CachedOps(Sequences sequences, int maxRows, int capacity, OnHeap onHeap) {
        this.sequences = sequences;
        this.maxRows = maxRows;
        this.capacity = capacity;
        this.onHeap = onHeap;
    }

    /** @return the caches [R,G,S,D] of keys and values of each attention that has been defined with this op set */
    public List<INDArray> caches() {
        return List.copyOf(caches);
    }

    /** Drops the copies of the weights: these may have changed. */
    public void forgetWeights() {
        panels.forEach(WeightPanels::forget);
    }

    /** Leaves the caches where they are if they would take more than so many floats. */
    void keepOnHeap(long maxFloats) {
        if (heapCaches.stream().mapToLong(HeapCache::length).sum() > maxFloats) {
            heapCaches.forEach(HeapCache::leaveNative);
        }
    }

    /** Sees to it that the first tokens of a sequence are in {@link #caches}, for somebody else to read. */
    public void toCaches(int row, int tokens) {
        heapCaches.forEach(heap -> heap.toNative(row, tokens));
    }

    /** Somebody else has put the tokens of a sequence to {@link #caches}, all of them. */
    public void putToCaches(int row, int tokens) {
        heapCaches.forEach(heap -> heap.putNative(row, 0, tokens));
    }

    /** @return the last token of each sequence: x [B,T,C] to [B,1,C] */
    public SDVariable lastToken(String name, SDVariable x) {
        return new LastTokenOp(x.getSameDiff(), x, sequences.count()).outputVariables(name)[0];
    }

    @Override
    public SDVariable embedding(String name, SDVariable wte, SDVariable wpe, SDVariable ids) {
        if (wpe == null) {
            return fused.embedding(name, wte, null, ids);
        }
        return new EmbeddingOp(wte.getSameDiff(), wte, wpe, ids, sequences.past()).outputVariables(name)[0];
    }

    @Override
    public SDVariable layerNorm(String name, SDVariable x, SDVariable gain, SDVariable bias, double eps) {
        return fused.layerNorm(name, x, gain, bias, eps);
    }

    @Override
    public SDVariable linear(String name, SDVariable x, SDVariable w, SDVariable b, boolean outIn) {
        widths.put(name, w.getShape()[outIn ? 0 : 1]);
        WeightPanels own = onHeap.batch != null ? new WeightPanels() : null;
        if (own != null) {
            panels.add(own);
        }
        return new InferenceLinearOp(x.getSameDiff(), x, w, b, outIn, own, onHeap.batch).outputVariables(name)[0];
    }

    @Override
    public SDVariable rmsNorm(String name, SDVariable x, SDVariable gain, double eps) {
        return fused.rmsNorm(name, x, gain, eps);
    }

    @Override
    public SDVariable rotary(String name, SDVariable qkv, int heads, int kvHeads, double theta) {
        widths.put(name, widths.get(qkv.name()));
        return new RotaryOp(qkv.getSameDiff(), qkv, sequences.past(), heads, kvHeads, theta, capacity)
                .outputVariables(name)[0];
    }

    /** @param groups G, the heads of keys and values */
    @Override
    public SDVariable causalAttention(
            String name, SDVariable qkv, int heads, int groups, boolean alibi, Dropout dropout) {
        requireNone(dropout);
        long headSize = widths.get(qkv.name()) / (heads + 2L * groups);
        SDVariable keys = cache(qkv, name + ".keys", groups, headSize);
        SDVariable values = cache(qkv, name + ".values", groups, headSize);
        HeapCache heap = null;
        if (onHeap.caches) {
            heap = new HeapCache(
                    maxRows, groups, capacity, (int) headSize, Floats.of(keys.getArr()), Floats.of(values.getArr()));
            heapCaches.add(heap);
        }
        return new CachedAttentionOp(
                        qkv.getSameDiff(),
                        qkv,
                        keys,
                        values,
                        sequences.rows(),
                        sequences.past(),
                        sequences.count(),
                        heads,
                        alibi,
                        heap)
                .outputVariables(name)[0];
    }

    private SDVariable cache(SDVariable qkv, String name, int groups, long headSize) {
        INDArray cache = Workspaces.outside(() -> Nd4j.create(DataType.FLOAT, maxRows, groups, capacity, headSize));
        caches.add(cache);
        return qkv.getSameDiff().var(name, cache);
    }

    @Override
    public SDVariable relu(String name, SDVariable x) {
        return fused.relu(name, x);
    }

    @Override
    public SDVariable gelu(String name, SDVariable x, Gelu form) {
        return fused.gelu(name, x, form);
    }

    @Override
    public SDVariable swiGlu(String name, SDVariable x) {
        return fused.swiGlu(name, x);
    }

    @Override
    public SDVariable add(String name, SDVariable a, SDVariable b) {
        return fused.add(name, a, b);
    }

    @Override
    public SDVariable dropout(String name, SDVariable x, Dropout dropout) {
        requireNone(dropout);
        return x;
    }

    private static void requireNone(Dropout dropout) {
        if (dropout.present()) {
            throw new MiniGptException("nothing is dropped in generation; define the layers without a dropout key");
        }
    }

    @Override
    public SDVariable crossEntropy(String name, SDVariable logits, SDVariable targets, int ignoreIndex) {
        throw new MiniGptException("a graph for generation has no loss; use Gpt.loss");
    }
}
