package org.minigpt.generate;

import java.util.Arrays;

/** How well a model predicted the tokens of a text, all but the first. */
public final class TextScore {
    private final int[] ids;
    private final double[] logProbabilities;
    private final int characters;

    TextScore(int[] ids, double[] logProbabilities, int characters) {
        this.ids = ids;
        this.logProbabilities = logProbabilities;
        this.characters = characters;
    }

    /** @return the tokens that were predicted */
    public int[] ids() {
        return ids.clone();
    }

    /** @return the natural logarithm of the probability that the model gave each of them */
    public double[] logProbabilities() {
        return logProbabilities.clone();
    }

    /** @return the characters (code points) that these tokens stand for; of ids without a text, a token counts for one */
    public int characters() {
        return characters;
    }

    /** @return the mean of -log p over the tokens, in nats */
    public double loss() {
        return -Arrays.stream(logProbabilities).sum() / logProbabilities.length;
    }

    /** @return e to the loss: among how many equally likely tokens the model would be as unsure */
    public double perplexity() {
        return Math.exp(loss());
    }

    /** @return the sum of -log₂ p over the tokens, by character: what an ideal compressor would need */
    public double bitsPerCharacter() {
        return -Arrays.stream(logProbabilities).sum() / Math.log(2) / characters;
    }
}
