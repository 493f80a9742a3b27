package org.minigpt.text.bpe;

/** Spreads keys over tables whose sizes are powers of two. */
final class Hashes {
    /** 2^64 divided by the golden ratio: Knuth's multiplicative hashing. */
    private static final long MULTIPLIER = 0x9E3779B97F4A7C15L;

    private Hashes() {}

    static int mix(long key) {
        return (int) (key * MULTIPLIER >>> Integer.SIZE);
    }
}
