package org.minigpt.graph;

import org.minigpt.MiniGptException;
import org.minigpt.internal.simd.Gelu;
import org.nd4j.autodiff.samediff.SDVariable;

/**
 * The operations that a GPT is made of, as nodes of a SameDiff graph. There are two sets with the same values and
 * gradients: {@link FusedOps}, custom ops for the CPU, and {@link PortableOps}, ND4J's own ops only. Each method names
 * its output {@code name}.
 */
public interface OpSet {

    /**
     * Where and how much a graph drops.
     *
     * @param key LONG scalar that is 0 when nothing shall be dropped, else the seed of this step's masks; null for
     *     never
     * @param p the share that is dropped
     * @param salt that tells the masks of one place from those of another
     */
    record Dropout(SDVariable key, double p, long salt) {

        /** No dropout at all. */
        public static final Dropout NONE = new Dropout(null, 0, 0);

        /** @return whether the graph needs a node for it */
        public boolean present() {
            return key != null && p > 0;
        }
    }

    /**
     * The same ops for rows that hold several texts, one after the other, that do not see each other.
     *
     * @param positions INT [B,T], the position of each token in its text: 0 where one begins, as at the beginning of a
     *     row, and then one more each
     * @throws MiniGptException if this set has none
     */
    default OpSet packed(SDVariable positions) {
        throw new MiniGptException(getClass().getSimpleName()
                + " has no ops for several texts in a row: give each a row of its own, or override packed");
    }

    /** wte[ids[b,t]] + wpe[t]: wte [V,C], wpe [P,C], ids [B,T] to [B,T,C], T ≤ P; {@code wpe} may be null. */
    SDVariable embedding(String name, SDVariable wte, SDVariable wpe, SDVariable ids);

    /** (x - E[x])/√(Var[x] + eps)·gain + bias over the last axis; {@code bias} may be null. */
    SDVariable layerNorm(String name, SDVariable x, SDVariable gain, SDVariable bias, double eps);

    /** x/√(E[x²] + eps)·gain over the last axis. */
    SDVariable rmsNorm(String name, SDVariable x, SDVariable gain, double eps);

    /**
     * {@link #rmsNorm} over each of some heads in the rows of qkv [B,T,(H+2K)·D], the rest being as it is: gain [D].
     *
     * @param first the number of heads before them
     * @param heads how many they are
     * @param all H+2K, how many there are in a row
     */
    SDVariable rmsNormHeads(String name, SDVariable qkv, SDVariable gain, double eps, int first, int heads, int all);

    /** x·W + b: x [B,T,in], W [in,out] or, if {@code outIn}, [out,in]; {@code b} [out] may be null. */
    SDVariable linear(String name, SDVariable x, SDVariable w, SDVariable b, boolean outIn);

    /** softmax(q·kᵀ/√D)·v for each head, causal: qkv [B,T,3C] to [B,T,C], dropping probabilities. */
    default SDVariable causalAttention(String name, SDVariable qkv, int heads, Dropout dropout) {
        return causalAttention(name, qkv, heads, heads, false, dropout);
    }

    /**
     * Causal attention of which {@code heads/kvHeads} heads of queries share one of keys and values: qkv
     * [B,T,(H+2K)·D], all queries first, then the keys, then the values, to [B,T,H·D]. With {@code alibi} the scores of
     * a head lose {@link org.minigpt.internal.kernels.AttentionShape#alibiSlope slope}·distance.
     */
    SDVariable causalAttention(String name, SDVariable qkv, int heads, int kvHeads, boolean alibi, Dropout dropout);

    /**
     * Rotary positions: qkv [B,T,(H+2K)·D] with entries j and j + D/2 of each head of queries and keys turned by
     * t·frequencies[j], D being even.
     *
     * @param frequencies [D/2], those of {@link Positions.Rotary#frequencies}
     */
    SDVariable rotary(String name, SDVariable qkv, int heads, int kvHeads, double[] frequencies);

    /** max(0, x). */
    SDVariable relu(String name, SDVariable x);

    /** max(0, x)². */
    SDVariable relu2(String name, SDVariable x);

    /** GELU(x) in one of its two forms. */
    SDVariable gelu(String name, SDVariable x, Gelu form);

    /** x·σ(x). */
    SDVariable silu(String name, SDVariable x);

    /** g·σ(g)·u, where g and u are the halves of x on the last axis: [B,T,2I] to [B,T,I]. */
    SDVariable swiGlu(String name, SDVariable x);

    /** a + b, of one shape. */
    SDVariable add(String name, SDVariable a, SDVariable b);

    /** x with entries dropped and the rest scaled up; x itself if nothing is ever dropped. */
    SDVariable dropout(String name, SDVariable x, Dropout dropout);

    /**
     * The mean over the targets that are not {@code ignoreIndex} of log Σ exp(logits) - logits[target]:
     * logits [B,T,V], targets [B,T] to a scalar.
     */
    SDVariable crossEntropy(String name, SDVariable logits, SDVariable targets, int ignoreIndex);
}
