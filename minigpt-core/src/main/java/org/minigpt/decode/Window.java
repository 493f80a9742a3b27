package org.minigpt.decode;

/** What happens to the context when a sequence grows beyond block_size. */
public enum Window {
    /**
     * Each token sees the last block_size tokens, as the lecture's crop has it. Every one of them then has another
     * position, and with it other keys and values: so the whole window is computed anew for each token.
     */
    EXACT,

    /**
     * When the window is full, its older half is dropped and the rest computed anew; then tokens are cheap again until
     * it is full. A token sees between half of block_size and all of it. An approximation of {@link #EXACT}, and
     * faster.
     */
    HALVING
}
