package org.minigpt.internal.simd;

import java.nio.ByteBuffer;

/**
 * Products with matrices W [n,in] in the blocks of a {@link BlockType}, which lie in native memory row by row. An entry of a
 * product is x·w in 16 partial sums, s[k mod 16] = fma(x[k], w[k], s[k mod 16]) for k from 0 on, which are then added by
 * halves: s[l] + s[l+8], then + s[l+4], s[l+2], s[l+1]. A w is the float that its block stands for, exactly. So all variants
 * have the same bits, whatever the number of rows and of columns that are computed at a time.
 */
public interface BlockProducts {
    /** Partial sums: what x and rows of weights on the heap are filled up to a multiple of, with zeros. */
    int SUMS = 16;

    /** Rows of W that are on the heap at once. */
    int ROWS = 4;

    /** Sets out[outAt..outAt+n) to the n values of the blocks from w[at] on; n is a multiple of the blocks' size. */
    void decode(BlockType type, byte[] w, int at, int n, float[] out, int outAt);

    /**
     * Entry (r, j - from) of y is the product of row r of x with row j of W, for rows j from {@code from} up to {@code to}.
     *
     * @param x [rows,in], each row filled up to a multiple of 16
     * @param raw for 4 rows of W, which are copied to the heap: single vectors come from there at several times the rate
     * @param scratch for the same as floats, filled up as x
     * @param yRow from one row of y to the next
     */
    default void rowsDots(
            BlockType type,
            int rows,
            int in,
            float[] x,
            ByteBuffer w,
            int from,
            int to,
            byte[] raw,
            float[] scratch,
            float[] y,
            int yRow) {
        int width = (in + SUMS - 1) / SUMS * SUMS;
        int wRow = (int) type.bytes(in);
        for (int j = from; j < to; j += ROWS) {
            int n = Math.min(ROWS, to - j);
            w.get(j * wRow, raw, 0, n * wRow);
            for (int i = 0; i < n; i++) {
                decode(type, raw, i * wRow, in, scratch, i * width);
            }
            dots(rows, width, x, n, scratch, y, j - from, yRow);
        }
    }

    /**
     * Entry (r, j) of y, from {@code yAt} on, is the product of row r of x with row j of w, both floats.
     *
     * @param width of the rows of x and w, a multiple of 16
     * @param n rows of w, from 1 to 4
     */
    void dots(int rows, int width, float[] x, int n, float[] w, float[] y, int yAt, int yRow);
}
