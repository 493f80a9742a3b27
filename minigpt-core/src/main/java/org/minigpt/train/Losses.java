package org.minigpt.train;

import org.minigpt.data.Split;

/**
 * The loss on both splits, in nats a token.
 *
 * @param train mean cross-entropy on the training split
 * @param validation mean cross-entropy on the validation split
 */
public record Losses(double train, double validation) {

    /** @return the loss of one split */
    public double of(Split split) {
        return split == Split.TRAIN ? train : validation;
    }
}
