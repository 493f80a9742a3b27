package org.minigpt.text.bpe;

import java.util.Arrays;

/** Whole numbers in an array that grows. */
final class IntList {
    /** What one Java array can hold. */
    private static final int MAX = Integer.MAX_VALUE - 8;

    private int[] values;
    private int size;

    IntList(int capacity) {
        values = new int[capacity];
    }

    void add(int value) {
        if (size == values.length) {
            grow();
        }
        values[size++] = value;
    }

    private void grow() {
        values = Arrays.copyOf(values, (int) Math.min(MAX, Math.max(size + 1L, size + (size >> 1) + 8L)));
    }

    int size() {
        return size;
    }

    int get(int index) {
        return values[index];
    }

    /** @return the numbers, maybe in the array itself: nothing is to be added afterwards */
    int[] toArray() {
        return size == values.length ? values : Arrays.copyOf(values, size);
    }
}
