package org.minigpt.generate;

import java.util.List;

/**
 * The tokens that were generated for one prompt.
 *
 * @param tokens the new tokens, without the prompt, with their log-probabilities and those of the likeliest in their
 *     places
 * @param finishReason why it ended; null if it has not
 */
public record TokenGeneration(List<GeneratedToken> tokens, FinishReason finishReason) {
    /** Why a generation ended. */
    public enum FinishReason {
        /** It has as many tokens as were asked for. */
        LENGTH,
        /** A stop text or a stop token came, or the model ended its text. */
        STOP,
        /** Penalties and filters had left no token that may come next. */
        EXHAUSTED,
        /** It was cancelled. */
        CANCELLED
    }

    /** Copies the list. */
    public TokenGeneration {
        tokens = List.copyOf(tokens);
    }

    /** @return the new tokens, without the prompt */
    public int[] ids() {
        return tokens.stream().mapToInt(GeneratedToken::id).toArray();
    }

    /**
     * @return for each token the natural logarithm of the probability that the model gave it, before penalties,
     *     temperature and filters
     */
    public double[] logProbabilities() {
        return tokens.stream()
                .mapToDouble(token -> token.chosen().logProbability())
                .toArray();
    }
}
