package org.minigpt.data;

import java.io.Serializable;
import java.util.Objects;

/**
 * A text as token ids, in an array or in a file that is larger than memory: more than 2^31 of them if need be. Does not
 * change, and is safe for use by several threads.
 */
public interface Tokens extends Serializable {
    /** The number of ids. */
    long length();

    /**
     * Copies ids that follow each other.
     *
     * @param from the place of the first, from 0
     * @param target takes them
     * @param offset the place of the first in the target
     * @param count how many
     * @throws IndexOutOfBoundsException if there are not so many, or the target is too short
     * @throws org.minigpt.MiniGptException if they cannot be read, or are no ids of the vocabulary
     */
    void copy(long from, int[] target, int offset, int count);

    /**
     * All ids in a new array.
     *
     * @throws org.minigpt.MiniGptException as {@link #copy}
     * @throws ArithmeticException if there are more than an array can hold
     */
    default int[] toArray() {
        int[] ids = new int[Math.toIntExact(length())];
        copy(0, ids, 0, ids.length);
        return ids;
    }

    /**
     * Ids in an array.
     *
     * @param ids not copied, not to be changed
     */
    static Tokens of(int... ids) {
        return new ArrayTokens(ids);
    }

    /** Checks the arguments of {@link #copy}. */
    static void requireRange(Tokens tokens, long from, int[] target, int offset, int count) {
        Objects.checkFromIndexSize(from, count, tokens.length());
        Objects.checkFromIndexSize(offset, count, target.length);
    }
}
