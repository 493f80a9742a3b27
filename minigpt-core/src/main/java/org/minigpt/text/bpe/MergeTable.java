package org.minigpt.text.bpe;

import java.util.Arrays;

/**
 * Which two tokens that stand beside each other become which one, and in which order: a hash table with open addressing,
 * each entry's key and value side by side.
 */
final class MergeTable {
    /** No merge: ranks last. */
    static final long NONE = Long.MAX_VALUE;

    private static final long FREE = -1;

    /** Keys at even places, values at odd ones; half of it free. */
    private final long[] table;

    private final int mask;

    /**
     * @param left the first token of each merge, in the order of their ranks; no pair twice
     * @param right the second
     * @param merged what they become
     */
    MergeTable(int[] left, int[] right, int[] merged) {
        int slots = Math.max(2, Integer.highestOneBit(Math.max(1, left.length)) << 2);
        table = new long[2 * slots];
        mask = slots - 1;
        Arrays.fill(table, FREE);
        for (int rank = 0; rank < left.length; rank++) {
            long key = key(left[rank], right[rank]);
            int slot = slot(key);
            while (table[2 * slot] != FREE) {
                slot = slot + 1 & mask;
            }
            table[2 * slot] = key;
            table[2 * slot + 1] = (long) rank << Integer.SIZE | merged[rank];
        }
    }

    /** @return the rank in the upper half and the new token in the lower one, so that the least goes first; or {@link #NONE} */
    long get(int left, int right) {
        long key = key(left, right);
        for (int slot = slot(key); ; slot = slot + 1 & mask) {
            long found = table[2 * slot];
            if (found == key) {
                return table[2 * slot + 1];
            }
            if (found == FREE) {
                return NONE;
            }
        }
    }

    static long rank(long merge) {
        return merge >>> Integer.SIZE;
    }

    static int token(long merge) {
        return (int) merge;
    }

    private static long key(int left, int right) {
        return (long) left << Integer.SIZE | right;
    }

    private int slot(long key) {
        return Hashes.mix(key) & mask;
    }
}
