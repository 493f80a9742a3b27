package org.minigpt.data;

import java.io.Serializable;
import java.nio.file.Path;
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

    /**
     * Ids in a file that may be larger than memory: nanoGPT's {@code train.bin} or {@code val.bin}, each id two bytes,
     * unsigned, little-endian, and nothing else ({@code np.uint16} and {@code tofile}); or llm.c's, which has a header
     * and may have four bytes an id. They are checked when they are read, for it may take minutes to look at all of them.
     *
     * @param file must not change as long as it is used
     * @param vocabSize V: ids must be below it
     * @throws org.minigpt.MiniGptException if there is no such file, it cannot be read, is truncated, or no file of tokens
     */
    static Tokens ofFile(Path file, int vocabSize) {
        return FileTokens.open(file, vocabSize);
    }

    /** Checks the arguments of {@link #copy}. */
    static void requireRange(Tokens tokens, long from, int[] target, int offset, int count) {
        Objects.checkFromIndexSize(from, count, tokens.length());
        Objects.checkFromIndexSize(offset, count, target.length);
    }
}
