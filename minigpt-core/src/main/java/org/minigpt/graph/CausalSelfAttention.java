package org.minigpt.graph;

import java.util.List;
import org.minigpt.graph.Parameter.Initializer;
import org.nd4j.autodiff.samediff.SDVariable;

/**
 * Causal multi-head self-attention with its output projection: x [B,T,C] to [B,T,C]. All heads' queries, keys and
 * values come from one product with {@code c_attn.weight} [C,3C]; the heads' outputs, side by side, go through
 * {@code c_proj.weight} [C,C]. With fewer heads of keys and values, K, each serves H/K heads of queries, and heads may
 * have another width D than C/H: {@code c_attn.weight} then is [C,(H+2K)·D] and {@code c_proj.weight} [H·D,C].
 *
 * @param cAttn C to (H+2K)·D
 * @param cProj H·D to C
 * @param nHead H
 * @param nKvHead K, which divides H
 * @param qkNorm of D entries, if each head of queries and of keys is normalised before it is turned, with gains
 *     {@code q_norm.weight} and {@code k_norm.weight}, as in Qwen3; null for no such norm
 * @param positions what of them attention has to see to; of learned ones nothing
 * @param attnDropout the share of the probabilities that is dropped in training
 * @param residDropout the share of the output's entries that is dropped in training
 */
public record CausalSelfAttention(
        Linear cAttn,
        Linear cProj,
        int nHead,
        int nKvHead,
        RmsNorm qkNorm,
        Positions positions,
        double attnDropout,
        double residDropout)
        implements GraphLayer {

    /** One share of both is dropped. */
    public CausalSelfAttention(
            Linear cAttn, Linear cProj, int nHead, int nKvHead, Positions positions, double dropout) {
        this(cAttn, cProj, nHead, nKvHead, null, positions, dropout, dropout);
    }

    /** The lecture's: as many heads of keys and values as of queries, positions learned elsewhere. */
    public CausalSelfAttention(Linear cAttn, Linear cProj, int nHead, double dropout) {
        this(cAttn, cProj, nHead, nHead, new Positions.Learned(), dropout);
    }

    @Override
    public List<Parameter> parameters() {
        List<Parameter> ofNorms = qkNorm == null
                ? List.of()
                : GraphLayer.concat(GraphLayer.nested("q_norm", qkNorm), GraphLayer.nested("k_norm", qkNorm));
        return GraphLayer.concat(GraphLayer.nested("c_attn", cAttn), ofNorms, GraphLayer.nested("c_proj", cProj));
    }

    @Override
    public SDVariable define(Scope scope, SDVariable x) {
        SDVariable qkv = cAttn.define(scope.in("c_attn"), x); // (B,T,(H+2K)·D), as it stays
        if (qkNorm != null) {
            qkv = normalised(scope.in("q_norm"), qkv, 0, nHead);
            qkv = normalised(scope.in("k_norm"), qkv, nHead, nKvHead);
        }
        if (positions instanceof Positions.Rotary rotary) {
            double[] frequencies = rotary.frequencies(Math.toIntExact(cAttn.out() / (nHead + 2 * nKvHead)));
            qkv = scope.ops().rotary(scope.name("rotary"), qkv, nHead, nKvHead, frequencies);
        }
        boolean alibi = positions instanceof Positions.Alibi;
        SDVariable y = scope.ops() // (B,T,H·D), heads side by side
                .causalAttention(scope.name("heads"), qkv, nHead, nKvHead, alibi, scope.dropout("heads", attnDropout));
        y = cProj.define(scope.in("c_proj"), y); // (B,T,C)
        return scope.ops().dropout(scope.name("drop"), y, scope.dropout("drop", residDropout));
    }

    private SDVariable normalised(Scope scope, SDVariable qkv, int first, int heads) {
        SDVariable gain = scope.parameter("weight"); // (D)
        return scope.ops().rmsNormHeads(scope.name(), qkv, gain, qkNorm.eps(), first, heads, nHead + 2 * nKvHead);
    }

    /**
     * One head of causal self-attention, the lecture's {@code Head}: x [B,T,C] to softmax(q·kᵀ/√D)·v, [B,T,D], where q,
     * k and v are linear in x, without bias. Parameter {@code c_attn.weight} [C,3D]: query, key and value side by side.
     *
     * @param nEmbd C
     * @param headSize D
     */
    public record Head(long nEmbd, long headSize) implements GraphLayer {

        @Override
        public List<Parameter> parameters() {
            return GraphLayer.nested("c_attn", queryKeyValue());
        }

        @Override
        public SDVariable define(Scope scope, SDVariable x) {
            SDVariable qkv = queryKeyValue().define(scope.in("c_attn"), x); // (B,T,3D)
            return scope.ops().causalAttention(scope.name(), qkv, 1, OpSet.Dropout.NONE); // (B,T,D)
        }

        private Linear queryKeyValue() {
            return new Linear(nEmbd, 3 * headSize, Initializer.pytorchLinear(nEmbd), null);
        }
    }
}
