package org.minigpt.generate;

import org.minigpt.generate.TokenGeneration.FinishReason;

/**
 * A prompt's continuation.
 *
 * @param text the new text, without the prompt and without the stop text that ended it
 * @param tokens that it was made from, those of the stop text among them, and why it ended
 */
public record Completion(String text, TokenGeneration tokens) {

    /** @return why it ended */
    public FinishReason finishReason() {
        return tokens.finishReason();
    }
}
