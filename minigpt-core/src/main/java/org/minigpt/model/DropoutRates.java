package org.minigpt.model;

import java.io.Serializable;
import org.minigpt.MiniGptException;

/**
 * The shares that are dropped in training, 0 ≤ share &lt; 1, in the places where GPT-2 and nanoGPT drop. nanoGPT has
 * one for all of them.
 *
 * @param embd of the entries of the embedding; GPT-2's {@code embd_pdrop}
 * @param attn of the probabilities of the attention; {@code attn_pdrop}
 * @param resid of the entries that attention and feed-forward add to the residual stream; {@code resid_pdrop}
 */
public record DropoutRates(double embd, double attn, double resid) implements Serializable {

    /** @throws MiniGptException if one is no share */
    public DropoutRates {
        requireShare("embd_dropout", embd);
        requireShare("attn_dropout", attn);
        requireShare("resid_dropout", resid);
    }

    /** @return the same share everywhere */
    public static DropoutRates of(double share) {
        requireShare("dropout", share);
        return new DropoutRates(share, share, share);
    }

    /** @return whether anything is ever dropped */
    public boolean any() {
        return embd > 0 || attn > 0 || resid > 0;
    }

    private static void requireShare(String name, double value) {
        if (!(value >= 0 && value < 1)) {
            throw new MiniGptException(
                    name + " " + value + " is not a share; choose 0 ≤ " + name + " < 1, such as 0.2");
        }
    }
}
