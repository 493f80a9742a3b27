package org.minigpt.decode;

import java.util.HashMap;
import java.util.Map;
import org.minigpt.MiniGptException;
import org.minigpt.graph.FusedOps;
import org.minigpt.graph.OpSet;
import org.minigpt.internal.kernels.DecodeMemory;
import org.minigpt.internal.ops.CachedAttentionOp;
import org.minigpt.internal.ops.EmbeddingOp;
import org.minigpt.internal.ops.InferenceLinearOp;
import org.minigpt.internal.ops.LastTokenOp;
import org.minigpt.internal.ops.RotaryOp;
import org.minigpt.internal.simd.Gelu;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;

/**
 * The op set of generation: the same layers, defined with it, make a graph that takes only the new tokens of each
 * sequence and keeps the keys and values of those before them in caches. The values are those of {@link FusedOps} on
 * whole sequences. There are no gradients, and only FLOAT.
 *
 * <p>What depends on a token's position must reckon with {@link Sequences#past}, so each operation of a new kind of
 * layer is to be put here deliberately: none is inherited.
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

    private final FusedOps fused = new FusedOps();
    private final Sequences sequences;
    private final int capacity;
    private final int maxRows;
    private final DecodeMemory memory;

    /** The last axis of what {@link #linear} computes, by name: the variables know their shapes only when they run. */
    private final Map<String, Long> widths = new HashMap<>();

    /**
     * @param maxRows R, the sequences that the caches have room for
     * @param capacity S, the tokens of each
     * @param memory that takes the caches
     */
    public CachedOps(Sequences sequences, int maxRows, int capacity, DecodeMemory memory) {
        this.sequences = sequences;
        this.maxRows = maxRows;
        this.capacity = capacity;
        this.memory = memory;
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
        boolean blocks = !w.dataType().isFPType(); // always [out,in]
        widths.put(name, w.getShape()[outIn || blocks ? 0 : 1]);
        return new InferenceLinearOp(x.getSameDiff(), x, w, b, outIn).outputVariables(name)[0];
    }

    @Override
    public SDVariable rmsNorm(String name, SDVariable x, SDVariable gain, double eps) {
        return fused.rmsNorm(name, x, gain, eps);
    }

    @Override
    public SDVariable rmsNormHeads(
            String name, SDVariable qkv, SDVariable gain, double eps, int first, int heads, int all) {
        widths.put(name, widths.get(qkv.name()));
        return fused.rmsNormHeads(name, qkv, gain, eps, first, heads, all);
    }

    @Override
    public SDVariable rotary(String name, SDVariable qkv, int heads, int kvHeads, double[] frequencies) {
        widths.put(name, widths.get(qkv.name()));
        return new RotaryOp(qkv.getSameDiff(), qkv, sequences.past(), heads, kvHeads, frequencies, capacity)
                .outputVariables(name)[0];
    }

    @Override
    public SDVariable causalAttention(
            String name, SDVariable qkv, int heads, int kvHeads, boolean alibi, Dropout dropout) {
        requireNone(dropout);
        SameDiff sd = qkv.getSameDiff();
        long d = widths.get(qkv.name()) / (heads + 2L * kvHeads);
        int layer = memory.addCache(maxRows, kvHeads, capacity, Math.toIntExact(d));
        return new CachedAttentionOp(
                        sd, qkv, sequences.rows(), sequences.past(), sequences.count(), heads, kvHeads, layer, alibi)
                .outputVariables(name)[0];
    }

    @Override
    public SDVariable relu(String name, SDVariable x) {
        return fused.relu(name, x);
    }

    @Override
    public SDVariable relu2(String name, SDVariable x) {
        return fused.relu2(name, x);
    }

    @Override
    public SDVariable gelu(String name, SDVariable x, Gelu form) {
        return fused.gelu(name, x, form);
    }

    @Override
    public SDVariable silu(String name, SDVariable x) {
        return fused.silu(name, x);
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
