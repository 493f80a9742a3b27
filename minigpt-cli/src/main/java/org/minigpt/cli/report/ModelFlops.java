package org.minigpt.cli.report;

import org.minigpt.graph.Parameter;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;

/**
 * The floating-point operations that a training step needs, by the usual count of model FLOPs (Kaplan et al. 2020,
 * arXiv:2001.08361; Chowdhery et al. 2022, arXiv:2204.02311, appendix B): 6·N + 12·L·C·T for each token.
 *
 * <p>N counts the weights that are multiplied with: the matrices without the embeddings, but with {@code wte} where it
 * is the head. Each costs a multiplication and an addition forward, and twice that backward. 12·L·C·T is q·kᵀ and p·v
 * of attention, likewise. It is not halved for causality, as in nanoGPT and PaLM, although nobody needs the masked
 * half: the part of attention is some 8 % of a step at T = C. What is computed again backward does not count.
 */
public final class ModelFlops {
    private ModelFlops() {}

    /** @return the FLOPs of forward and backward for {@code tokens} tokens in rows of block_size */
    public static double ofStep(GptConfig config, long tokens) {
        double weights = 0;
        for (Parameter p : Gpt.declaredParameters(config)) {
            if (p.shape().size() == 2 && isMultiplied(p.name(), config)) {
                weights += p.length();
            }
        }
        double attention = 12.0 * config.nLayer() * config.nHead() * config.headSize() * config.blockSize();
        return tokens * (6 * weights + attention);
    }

    private static boolean isMultiplied(String name, GptConfig config) {
        return name.equals("wte.weight") ? config.tiedHead() : !name.equals("wpe.weight");
    }
}
