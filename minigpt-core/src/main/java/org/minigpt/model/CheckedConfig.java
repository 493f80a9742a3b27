package org.minigpt.model;

import java.util.Locale;
import java.util.Objects;
import org.minigpt.MiniGptException;
import org.minigpt.graph.Positions;
import org.minigpt.model.GptConfig.DropoutRates;

/** The values of a configuration, which fit each other: what does not is refused here. */
record CheckedConfig(
        int vocabSize,
        int blockSize,
        int nLayer,
        int nEmbd,
        int nHead,
        int nKvHead,
        int headSize,
        boolean qkNorm,
        Positions positions,
        Norm norm,
        double normEps,
        Mlp mlp,
        long nInner,
        Bias bias,
        boolean tiedHead,
        DropoutRates dropout,
        Initialization initialization)
        implements GptConfig {

    /** Beyond the largest that anybody has trained: more is a slip of the hand, and would not fit any memory. */
    private static final int MAX_LAYERS = 10_000;

    private static final double MAX_PARAMETERS = 1e13;

    /** Of SwiGLU there are two side by side. */
    private static final int MAX_INNER = Integer.MAX_VALUE / 2;

    CheckedConfig {
        Objects.requireNonNull(positions, "positions");
        Objects.requireNonNull(norm, "norm");
        Objects.requireNonNull(mlp, "mlp");
        Objects.requireNonNull(bias, "bias");
        Objects.requireNonNull(dropout, "dropout");
        Objects.requireNonNull(initialization, "initialization");
        requirePositive("vocab_size", vocabSize);
        requirePositive("block_size", blockSize);
        requirePositive("n_layer", nLayer);
        requirePositive("n_head", nHead);
        requirePositive("n_embd", nEmbd);
        if (headSize == 0) {
            if (nEmbd % nHead != 0) {
                throw new MiniGptException("n_embd " + nEmbd + " is not divisible by n_head " + nHead
                        + "; choose an n_embd that is a multiple of it, such as " + (nEmbd / nHead + 1) * nHead);
            }
            headSize = nEmbd / nHead;
        }
        requirePositive("head_size", headSize);
        nInner = nInner == 0 ? GptConfig.usualInner(mlp, nEmbd) : nInner;
        if (!(normEps > 0 && normEps < 1)) {
            throw new MiniGptException(
                    "norm_eps " + normEps + " is out of range; choose 0 < norm_eps < 1, such as 1e-5");
        }
        requirePositive("n_kv_head", nKvHead);
        if (nHead % nKvHead != 0) {
            throw new MiniGptException("n_head " + nHead + " is not divisible by n_kv_head " + nKvHead
                    + "; choose an n_kv_head that divides it, such as " + greatestDivisor(nHead, nKvHead));
        }
        if (positions instanceof Positions.Rotary && headSize % 2 != 0) {
            throw new MiniGptException((headSize == nEmbd / nHead
                            ? "positions are rotary, which turn pairs of entries, but a head is n_embd/n_head = "
                            : "positions are rotary, which turn pairs of entries, but a head is head_size = ")
                    + headSize + " wide; choose sizes that make it even, such as an n_embd of "
                    + (nEmbd / nHead + 1) * nHead);
        }
        if (nLayer > MAX_LAYERS) {
            throw new MiniGptException(
                    "n_layer is " + nLayer + " but must be at most " + MAX_LAYERS + "; choose fewer");
        }
        // In doubles, which can't overflow: of the embeddings, the head, and the matrices of a block.
        double width = headSize * (2.0 * nHead + 2.0 * nKvHead) + (mlp == Mlp.SWIGLU ? 3.0 : 2.0) * nInner;
        double parameters = (2.0 * vocabSize + blockSize + nLayer * width) * nEmbd;
        if (parameters > MAX_PARAMETERS) {
            throw new MiniGptException(String.format(
                    Locale.ROOT,
                    "a model of n_embd %d, n_layer %d, block_size %d and a vocabulary of %d would have %.1e parameters,"
                            + " more than %.1e; choose smaller ones",
                    nEmbd,
                    nLayer,
                    blockSize,
                    vocabSize,
                    parameters,
                    MAX_PARAMETERS));
        }
        if (nInner < 1 || nInner > MAX_INNER) {
            throw new MiniGptException(
                    "n_inner is " + nInner + " but must be from 1 to " + MAX_INNER + "; leave it out, or set it");
        }
    }

    private static int greatestDivisor(int n, int atMost) {
        int divisor = Math.min(n, atMost);
        while (n % divisor != 0) {
            divisor--;
        }
        return divisor;
    }

    private static void requirePositive(String name, int value) {
        if (value <= 0) {
            throw new MiniGptException(name + " is " + value + " but must be at least 1; set it");
        }
    }
}
