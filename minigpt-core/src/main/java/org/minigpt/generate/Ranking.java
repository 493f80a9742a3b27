package org.minigpt.generate;

/**
 * The ids in the order of their keys, the largest first and the lower id of equals: a heap, since of a vocabulary of
 * some ten thousand tokens only the first few are asked for.
 */
final class Ranking {
    private final double[] keys;
    private final int[] heap;
    private int size;

    Ranking(double[] keys) {
        this.keys = keys;
        size = keys.length;
        heap = new int[size];
        for (int id = 0; id < size; id++) {
            heap[id] = id;
        }
        for (int at = size / 2 - 1; at >= 0; at--) {
            sink(at);
        }
    }

    /** @return the next id, of which there are as many as keys */
    int next() {
        int first = heap[0];
        heap[0] = heap[--size];
        sink(0);
        return first;
    }

    private void sink(int at) {
        int id = heap[at];
        for (int child = 2 * at + 1; child < size; child = 2 * at + 1) {
            if (child + 1 < size && precedes(heap[child + 1], heap[child])) {
                child++;
            }
            if (precedes(id, heap[child])) {
                break;
            }
            heap[at] = heap[child];
            at = child;
        }
        heap[at] = id;
    }

    private boolean precedes(int a, int b) {
        return keys[a] > keys[b] || keys[a] == keys[b] && a < b;
    }
}
