package org.minigpt.data;

import org.minigpt.MiniGptException;

/** The checks that all kinds of windows share. */
final class Checks {
    /** What one Java array can hold. */
    private static final int MAX_TOKENS = Integer.MAX_VALUE - 8;

    private Checks() {}

    static void requireSizes(int batchSize, int blockSize) {
        requireAtLeastOne("batch size", batchSize);
        requireAtLeastOne("block size", blockSize);
        if ((long) batchSize * blockSize > MAX_TOKENS) {
            throw new MiniGptException("a batch size of " + batchSize + " with a block size of " + blockSize
                    + " makes batches of more than " + MAX_TOKENS + " tokens; choose a smaller one of the two");
        }
    }

    static void requireAtLeastOne(String name, int value) {
        if (value < 1) {
            throw new MiniGptException("the " + name + " is " + value + " but must be at least 1; set it");
        }
    }

    /** A window of T tokens with its T targets takes T + 1 tokens of the text. */
    static void requireWindow(String what, long length, int blockSize) {
        if (length > blockSize) {
            return;
        }
        String remedy =
                length < 2 ? "give more text" : "give more text, or a smaller block size, at most " + (length - 1);
        throw new MiniGptException(what + " has " + length + (length == 1 ? " token" : " tokens")
                + ", but a block size of " + blockSize + " takes at least " + (blockSize + 1L) + "; " + remedy);
    }
}
