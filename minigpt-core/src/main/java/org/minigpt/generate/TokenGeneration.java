package org.minigpt.generate;

import java.util.Arrays;

/** The tokens that were generated for one prompt, which do not change any more. */
public final class TokenGeneration {
    private final int[] ids;
    private final double[] logProbabilities;
    private final FinishReason finishReason;

    TokenGeneration(int[] ids, double[] logProbabilities, FinishReason finishReason) {
        this.ids = ids;
        this.logProbabilities = logProbabilities;
        this.finishReason = finishReason;
    }

    /** @return the new tokens, without the prompt */
    public int[] ids() {
        return ids.clone();
    }

    /**
     * @return for each token the natural logarithm of the probability that the model gave it, before penalties,
     *     temperature and filters
     */
    public double[] logProbabilities() {
        return logProbabilities.clone();
    }

    /** @return why it ended */
    public FinishReason finishReason() {
        return finishReason;
    }

    @Override
    public String toString() {
        return Arrays.toString(ids) + " " + finishReason;
    }
}
