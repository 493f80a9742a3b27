package org.minigpt.data;

import java.io.Serializable;
import org.minigpt.internal.random.SplitMix64;

/**
 * Orders of the numbers below a size, each a function of its key. None is stored, so that it makes no difference how many
 * numbers there are: the one in place k is a permutation at k, a Feistel network over the next power of four that is
 * walked until it leads below the size (Black and Rogaway 2002, "Ciphers with Arbitrary Finite Domains").
 */
final class Shuffle implements Serializable {
    private static final long serialVersionUID = 1L;

    /** So many that the orders of a handful of numbers are equally likely too; of many, four would do. */
    private static final int ROUNDS = 16;

    private final long size;
    private final int halfBits;

    Shuffle(long size) {
        this.size = size;
        int bits = Long.SIZE - Long.numberOfLeadingZeros(size - 1);
        halfBits = Math.max(1, (bits + 1) / 2);
    }

    /** @return the number in a place from 0 to below the size */
    long at(long key, long place) {
        long number = place;
        do {
            number = feistel(key, number);
        } while (number >= size);
        return number;
    }

    /** A permutation of the numbers of twice {@code halfBits} bits, whatever the round's function is. */
    private long feistel(long key, long value) {
        long mask = (1L << halfBits) - 1;
        long left = value >>> halfBits;
        long right = value & mask;
        for (int round = 1; round <= ROUNDS; round++) {
            long next = left ^ SplitMix64.at(key + round, right) & mask;
            left = right;
            right = next;
        }
        return left << halfBits | right;
    }
}
