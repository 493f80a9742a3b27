package org.minigpt.cli.report;

import java.util.OptionalDouble;
import org.minigpt.data.Tokens;
import org.minigpt.text.IdTokenizer;
import org.minigpt.text.Tokenizer;

/**
 * What turns the figures of a run into ones that can be compared with others'.
 *
 * @param charactersPerToken 1 for a tokenizer of characters
 * @param gradClip the norm above which gradients are clipped; 0 for never
 * @param flopsPerToken floating-point operations that a token of a training step needs
 * @param peakGflops what this machine could do, in 10^9 operations a second, if it was measured
 */
public record RunScale(double charactersPerToken, double gradClip, double flopsPerToken, OptionalDouble peakGflops) {
    /** Tokens by which their mean length is measured. */
    private static final int SAMPLE = 1 << 16;

    /**
     * @return how many characters a token of a text has on average, by its first 65,536 tokens; 1 if the tokenizer is
     *     not known
     */
    public static double charactersPerToken(Tokens text, Tokenizer tokenizer) {
        if (tokenizer instanceof IdTokenizer) {
            return 1;
        }
        int[] ids = new int[(int) Math.min(text.length(), SAMPLE)];
        text.copy(0, ids, 0, ids.length);
        String characters = tokenizer.decode(ids);
        return characters.codePointCount(0, characters.length()) / (double) ids.length;
    }

    /** @return a loss in nats a token as bits a character */
    public double bitsPerCharacter(double loss) {
        return loss / Math.log(2) / charactersPerToken;
    }

    /** @return whether gradients of this norm were clipped */
    public boolean clips(double gradientNorm) {
        return gradClip > 0 && gradientNorm > gradClip;
    }

    /** @return the share of the machine's peak at a speed, if the peak was measured */
    public OptionalDouble fractionOfPeak(double tokensPerSecond) {
        return peakGflops.isPresent()
                ? OptionalDouble.of(tokensPerSecond * flopsPerToken / 1e9 / peakGflops.getAsDouble())
                : OptionalDouble.empty();
    }
}
