package org.minigpt.internal.kernels;

/**
 * The sizes of causal self-attention, and what of it a row of qkv [(H+2·K)·D] holds where: H heads of queries, then K
 * heads of keys, then K heads of values, each D wide. With K &lt; H, H/K heads of queries share one of keys and values:
 * grouped-query attention (Ainslie et al. 2023, arXiv:2305.13245).
 *
 * @param t T, the positions of a sequence
 * @param heads H
 * @param kvHeads K, a divisor of H
 * @param d D, the width of a head
 * @param alibi whether scores fall off with the distance (Press et al. 2022, arXiv:2108.12409)
 */
public record AttentionShape(int t, int heads, int kvHeads, int d, boolean alibi) {

    /** @return C = H·D, the width of the queries and of the output */
    public int c() {
        return heads * d;
    }

    /** @return the width of a row of qkv */
    public int width() {
        return (heads + 2 * kvHeads) * d;
    }

    /** @return where in a row of qkv the queries of a head begin, and in a row of the output what it sees */
    int q(int head) {
        return head * d;
    }

    /** @return where in a row of qkv the keys of a head of queries begin */
    int k(int head) {
        return (heads + head / group()) * d;
    }

    /** @return where in a row of qkv the values of a head of queries begin */
    int v(int head) {
        return k(head) + kvHeads * d;
    }

    /** @return whether a head of queries is the first of those that share its keys and values */
    boolean firstOfGroup(int head) {
        return head % group() == 0;
    }

    private int group() {
        return heads / kvHeads;
    }

    /** @return what a head's scores lose with each position that the key is further away; 0 without ALiBi */
    double slope(int head) {
        return alibi ? alibiSlope(head, heads) : 0;
    }

    /**
     * ALiBi's slope m of a head: 2^(-8/H), its square, its third power ... if H is a power of 2; else those of the
     * power of 2 below, and then every other one of the power above, as in the authors' {@code get_slopes}.
     *
     * @param head from 0
     */
    public static double alibiSlope(int head, int heads) {
        int below = Integer.highestOneBit(heads);
        return head < below ? Math.pow(2, -8.0 * (head + 1) / below) : alibiSlope(2 * (head - below), 2 * below);
    }
}
