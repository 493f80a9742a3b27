package org.minigpt.generate;

/** Chooses the next token. */
public sealed interface Sampler permits GreedySampler, MultinomialSampler {
    /**
     * @param logits of each token, V; -∞ for one that must not come
     * @return the chosen token's id
     * @throws org.minigpt.MiniGptException if no logit is a number to choose by
     */
    int next(double[] logits);
}
