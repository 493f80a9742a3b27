package org.minigpt.data;

import java.util.Arrays;
import java.util.Locale;
import org.minigpt.MiniGptException;
import org.minigpt.text.Tokenizer;

/**
 * The token ids of a corpus in two parts: one to train on, one to measure the loss on text that was never trained on.
 * Arrays are not copied, for a corpus can be large; nobody may change them.
 *
 * @param train the ids to train on, in the order of the text
 * @param validation the ids to validate on, in the order of the text
 */
public record TokenDataset(Tokens train, Tokens validation) {
    /** The two parts. */
    public enum Split {
        TRAIN,
        VALIDATION;

        /** The name in lower case, as messages and reports show it. */
        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** A token and the one after it, its target: less is no text to predict. */
    private static final int MIN_TOKENS = 2;

    /** Both parts in arrays, which are not copied. */
    public TokenDataset(int[] train, int[] validation) {
        this(Tokens.of(train), Tokens.of(validation));
    }

    /**
     * Splits a corpus as the lecture and nanoGPT do: the first {@code floor(trainFraction * n)} tokens train, the rest
     * validates.
     *
     * @param ids the corpus
     * @param trainFraction the part to train on, between 0 and 1; both use 0.9
     * @throws MiniGptException if the fraction is not between 0 and 1, or a part would have fewer than two tokens
     */
    public static TokenDataset split(int[] ids, double trainFraction) {
        requireFraction(trainFraction);
        int trainLength = (int) (trainFraction * ids.length);
        return new TokenDataset(
                        Arrays.copyOfRange(ids, 0, trainLength), Arrays.copyOfRange(ids, trainLength, ids.length))
                .requireTokens(ids.length, trainFraction);
    }

    /**
     * Splits a text before it becomes tokens, as nanoGPT does with GPT-2's: the first {@code floor(trainFraction * n)}
     * of n characters train, whatever the tokenizer, so that losses by the character can be compared. With a token a
     * character it is the split of the ids.
     *
     * @param text the corpus
     * @param tokenizer encodes both parts
     * @param trainFraction the part to train on, between 0 and 1
     * @throws MiniGptException as {@link #split(int[], double)}, or if the tokenizer can't encode the text
     */
    public static TokenDataset split(String text, Tokenizer tokenizer, double trainFraction) {
        requireFraction(trainFraction);
        int characters = text.codePointCount(0, text.length());
        int cut = text.offsetByCodePoints(0, (int) (trainFraction * characters));
        int[] train = tokenizer.encode(text.substring(0, cut));
        int[] validation = tokenizer.encode(text.substring(cut));
        return new TokenDataset(train, validation).requireTokens(train.length + validation.length, trainFraction);
    }

    static void requireFraction(double trainFraction) {
        // Written so that NaN fails too.
        if (!(trainFraction > 0 && trainFraction < 1)) {
            throw new MiniGptException("the fraction of the text to train on must lie between 0 and 1, but is "
                    + trainFraction + "; 0.9 is usual");
        }
    }

    private TokenDataset requireTokens(int count, double trainFraction) {
        if (count == 0) {
            throw new MiniGptException("the corpus is empty; give a text");
        }
        for (Split split : Split.values()) {
            long length = of(split).length();
            if (length < MIN_TOKENS) {
                throw new MiniGptException("the corpus of " + count + (count == 1 ? " token" : " tokens")
                        + " leaves " + length + " for the " + split + " split at a train fraction of " + trainFraction
                        + ", but each split takes at least " + MIN_TOKENS + "; give more text");
            }
        }
        return this;
    }

    /** The ids of one split. */
    public Tokens of(Split split) {
        return switch (split) {
            case TRAIN -> train;
            case VALIDATION -> validation;
        };
    }

    /**
     * Checks that both splits have at least one window.
     *
     * @param blockSize T, the tokens of a window
     * @return this dataset
     * @throws MiniGptException if a split has fewer than T + 1 tokens; the message names it
     */
    public TokenDataset requireWindows(int blockSize) {
        for (Split split : Split.values()) {
            Checks.requireWindow("the " + split + " split", of(split).length(), blockSize);
        }
        return this;
    }

    @Override
    public String toString() {
        return "TokenDataset[" + train.length() + " train, " + validation.length() + " validation]";
    }
}
