package org.minigpt.text.bpe;

import java.util.PriorityQueue;

/**
 * Merges the bytes of one piece after the other into tokens: of all neighbours that can be merged always those of the
 * lowest rank, of equal ones the first. For one thread, since it keeps its memory.
 */
final class Merging {
    /** Longer pieces go through a heap: looking for the least over and over takes time by the square of the length. */
    private static final int SHORT = 128;

    private final MergeTable merges;
    /** The present tokens of a piece. */
    private int[] ids = new int[SHORT];
    /** What each becomes with the one after it. */
    private final long[] pairs = new long[SHORT];

    Merging(MergeTable merges) {
        this.merges = merges;
    }

    /** Merges a piece, given as the tokens of its bytes in {@link #tokens}, and appends the result. */
    void merge(int count, IntList out) {
        int left = count <= SHORT ? mergeShort(count) : mergeLong(count);
        for (int i = 0; i < left; i++) {
            out.add(ids[i]);
        }
    }

    /** @return the array for the tokens of a piece */
    int[] tokens(int count) {
        if (ids.length < count) {
            ids = new int[count];
        }
        return ids;
    }

    private int mergeShort(int count) {
        int n = count;
        for (int i = 0; i < n - 1; i++) {
            pairs[i] = merges.get(ids[i], ids[i + 1]);
        }
        while (n > 1) {
            int at = least(n - 1);
            if (pairs[at] == MergeTable.NONE) {
                break;
            }
            ids[at] = MergeTable.token(pairs[at]);
            n--;
            System.arraycopy(ids, at + 2, ids, at + 1, n - at - 1);
            System.arraycopy(pairs, at + 1, pairs, at, n - at - 1);
            if (at > 0) {
                pairs[at - 1] = merges.get(ids[at - 1], ids[at]);
            }
            if (at < n - 1) {
                pairs[at] = merges.get(ids[at], ids[at + 1]);
            }
        }
        return n;
    }

    private int least(int count) {
        int at = 0;
        for (int i = 1; i < count; i++) {
            if (pairs[i] < pairs[at]) {
                at = i;
            }
        }
        return at;
    }

    /**
     * The same with a list that is linked both ways, and what can be merged in a heap: ranks in the upper half, places in the
     * lower one. What is out of date is passed over.
     */
    private int mergeLong(int count) {
        int[] next = new int[count];
        int[] previous = new int[count];
        PriorityQueue<Long> heap = new PriorityQueue<>(count);
        for (int i = 0; i < count; i++) {
            next[i] = i + 1;
            previous[i] = i - 1;
            note(heap, i, i + 1, count);
        }
        while (!heap.isEmpty()) {
            long least = heap.remove();
            int at = (int) least;
            int after = next[at];
            if (ids[at] < 0 || after == count) {
                continue;
            }
            long merge = merges.get(ids[at], ids[after]);
            if (merge == MergeTable.NONE || MergeTable.rank(merge) != MergeTable.rank(least)) {
                continue;
            }
            ids[at] = MergeTable.token(merge);
            ids[after] = -1; // gone
            next[at] = next[after];
            if (next[at] < count) {
                previous[next[at]] = at;
            }
            note(heap, previous[at], at, count);
            note(heap, at, next[at], count);
        }
        int n = 0;
        for (int i = 0; i < count; i = next[i]) {
            ids[n++] = ids[i];
        }
        return n;
    }

    private void note(PriorityQueue<Long> heap, int at, int after, int count) {
        if (at >= 0 && after < count) {
            long merge = merges.get(ids[at], ids[after]);
            if (merge != MergeTable.NONE) {
                heap.add(MergeTable.rank(merge) << Integer.SIZE | at);
            }
        }
    }
}
