package org.minigpt.generate;

import java.util.List;

/**
 * A token that was generated.
 *
 * @param chosen the token
 * @param likeliest the tokens that the model held for the likeliest in its place, the likeliest first; as many as
 *     {@link SamplingOptions#topLogProbabilities} says
 */
public record GeneratedToken(Candidate chosen, List<Candidate> likeliest) {

    /**
     * A token that may come next.
     *
     * @param id the token
     * @param logProbability the natural logarithm of the probability that the model gives it, before penalties,
     *     temperature and filters
     */
    public record Candidate(int id, double logProbability) {}

    /** Copies the list. */
    public GeneratedToken {
        likeliest = List.copyOf(likeliest);
    }

    /** @return the token */
    public int id() {
        return chosen.id();
    }
}
