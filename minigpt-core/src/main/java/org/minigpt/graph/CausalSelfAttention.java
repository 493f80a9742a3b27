package org.minigpt.graph;

import java.util.List;
import org.minigpt.graph.Parameter.Initializer;
import org.nd4j.autodiff.samediff.SDVariable;

/**
 * Causal multi-head self-attention with its output projection: x [B,T,C] to [B,T,C]. All heads' queries, keys and
 * values come from one product with {@code c_attn.weight} [C,3C]; the heads' outputs, side by side, go through
 * {@code c_proj.weight} [C,C]. With fewer heads of keys and values, K, each serves H/K heads of queries, and
 * {@code c_attn.weight} is [C,C+2·C·K/H].
 *
 * @param cAttn C to 3C, or to C+2·C·K/H
 * @param cProj C to C
 * @param nHead H, which divides C
 * @param nKvHead K, which divides H
 * @param positions what of them attention has to see to; of learned ones nothing
 * @param attnDropout the share of the probabilities that is dropped in training
 * @param residDropout the share of the output's entries that is dropped in training
 */
public record CausalSelfAttention(
        Linear cAttn,
        Linear cProj,
        int nHead,
        int nKvHead,
        Positions positions,
        double attnDropout,
        double residDropout)
        implements GraphLayer {

    /** One share of both is dropped. */
    public CausalSelfAttention(
            Linear cAttn, Linear cProj, int nHead, int nKvHead, Positions positions, double dropout) {
        this(cAttn, cProj, nHead, nKvHead, positions, dropout, dropout);
    }

    /** The lecture's: as many heads of keys and values as of queries, positions learned elsewhere. */
    public CausalSelfAttention(Linear cAttn, Linear cProj, int nHead, double dropout) {
        this(cAttn, cProj, nHead, nHead, new Positions.Learned(), dropout);
    }

    @Override
    public List<Parameter> parameters() {
        return GraphLayer.concat(GraphLayer.nested("c_attn", cAttn), GraphLayer.nested("c_proj", cProj));
    }

    @Override
    public SDVariable define(Scope scope, SDVariable x) {
        SDVariable qkv = cAttn.define(scope.in("c_attn"), x); // (B,T,3C)
        if (positions instanceof Positions.Rotary rotary) {
            qkv = scope.ops().rotary(scope.name("rotary"), qkv, nHead, nKvHead, rotary.theta()); // (B,T,3C)
        }
        boolean alibi = positions instanceof Positions.Alibi;
        SDVariable y = scope.ops() // (B,T,C), heads side by side
                .causalAttention(scope.name("heads"), qkv, nHead, nKvHead, alibi, scope.dropout("heads", attnDropout));
        y = cProj.define(scope.in("c_proj"), y); // (B,T,C)
        return scope.ops().dropout(scope.name("drop"), y, scope.dropout("drop", residDropout));
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
