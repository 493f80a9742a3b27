package org.minigpt.generate;

/**
 * Changes logits before a token is drawn: makes some likelier or less likely, or impossible. Processors are values
 * without state, may be shared by threads, and are applied one after the other; {@link LogitsProcessors} has those that
 * are usual.
 */
@FunctionalInterface
public interface LogitsProcessor {

    /**
     * Changes the logits in place.
     *
     * @param logits of each token, V; -∞ for one that must not come. At least one must stay finite
     * @param context the tokens so far
     */
    void apply(double[] logits, TokenContext context);
}
