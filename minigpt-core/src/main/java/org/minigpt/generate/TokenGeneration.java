package org.minigpt.generate;

import java.util.Arrays;
import java.util.List;

/** The tokens that were generated for one prompt, which do not change any more. */
public final class TokenGeneration {
    private final List<GeneratedToken> tokens;
    private final FinishReason finishReason;

    TokenGeneration(List<GeneratedToken> tokens, FinishReason finishReason) {
        this.tokens = List.copyOf(tokens);
        this.finishReason = finishReason;
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

    /** @return the new tokens with their log-probabilities, and those of the likeliest in their places */
    public List<GeneratedToken> tokens() {
        return tokens;
    }

    /** @return why it ended */
    public FinishReason finishReason() {
        return finishReason;
    }

    @Override
    public String toString() {
        return Arrays.toString(ids()) + " " + finishReason;
    }
}
