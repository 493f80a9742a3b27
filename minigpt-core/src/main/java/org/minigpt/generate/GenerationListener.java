package org.minigpt.generate;

/** Is told of the tokens of several sequences while they are generated; what it throws ends the generation of all. */
public interface GenerationListener {

    /** Asked before each step; if true, as never here, all sequences end with what they have, {@link FinishReason#CANCELLED}. */
    default boolean cancelled() {
        return false;
    }

    /**
     * Called for each token.
     *
     * @param sequence the place of the sequence among all
     * @param token the token
     * @param text what has become certain with it: whole characters, maybe of several tokens, that no stop text begins with
     *     any more; maybe empty
     */
    void onToken(int sequence, GeneratedToken token, String text);

    /**
     * Called when a sequence has ended.
     *
     * @param sequence the place of the sequence among all
     * @param text what had been held back, maybe empty
     * @param reason why it ended
     */
    default void onEnd(int sequence, String text, FinishReason reason) {}
}
