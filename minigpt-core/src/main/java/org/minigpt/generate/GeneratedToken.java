package org.minigpt.generate;

import java.util.List;

/**
 * A token that was generated.
 *
 * @param chosen the token
 * @param likeliest the tokens that the model held for the likeliest in its place, the likeliest first; as many as {@link
 *     SamplingOptions#topLogProbabilities} says
 */
public record GeneratedToken(TokenProbability chosen, List<TokenProbability> likeliest) {
    /** Copies the list. */
    public GeneratedToken {
        likeliest = List.copyOf(likeliest);
    }

    /** @return the token */
    public int id() {
        return chosen.id();
    }
}
