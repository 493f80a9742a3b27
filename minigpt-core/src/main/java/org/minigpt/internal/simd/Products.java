package org.minigpt.internal.simd;

import java.nio.ByteBuffer;

/** Products of matrices for which a BLAS is slow: small ones, those of few rows, and those of one row. */
public interface Products {
    /** Columns of a panel, and floats of a row of a matrix in native memory that are read at once. */
    int WIDTH = 16;

    /** Rows that are computed at once, or read at once. */
    int ROWS = 4;

    /** Kinds of products. */
    enum Kind {
        /** Of matrices on the heap, such as the heads of some ten positions, of which a BLAS packs most of the time. */
        SMALL,
        /** Of rows with a matrix that lies on the heap in panels. */
        PANELS,
        /** Of one row with a matrix in native memory, which wait for that memory and nothing else. */
        STREAMED
    }

    /**
     * @return whether these are faster than OpenBLAS's: with vectors of 8 floats, small ones by half. For those of 16 it has
     *     kernels for small matrices, which do not pack and need no panels; with fewer all is left to it
     */
    boolean fasterAt(Kind kind);

    /**
     * {@link Kind#SMALL}: out [rows,n] = x [rows,terms]·y [terms,n], each within a larger array: entry (r,k) of x lies at
     * {@code xAt + r·xRow + k·xTerm}, row k of y begins at {@code yAt + k·yTerm} and row r of out at
     * {@code outAt + r·outRow}. It is fastest where {@code xTerm} is 1.
     */
    void multiply(
            int rows,
            int n,
            int terms,
            float[] x,
            int xAt,
            int xRow,
            int xTerm,
            float[] y,
            int yAt,
            int yTerm,
            float[] out,
            int outAt,
            int outRow);

    /**
     * {@link Kind#PANELS}: out [rows,n] = start [n] + x [rows,terms]·w, with w [terms,n] in {@code panels} panels of
     * {@link #WIDTH} columns, [n/16,terms,16], each of which is read from one end to the other; x begins at 0.
     *
     * @param rows a multiple of {@link #ROWS}
     * @param panels n/16: columns that are missing are filled up as one likes
     * @param outRow from one row of out to the next
     */
    void panelRows(
            int rows,
            int terms,
            int panels,
            float[] x,
            float[] w,
            int wAt,
            float[] start,
            int startAt,
            float[] out,
            int outAt,
            int outRow);

    /**
     * {@link Kind#PANELS}: out [n] = x [terms]·w, for a w that comes from memory: several panels are read at once.
     *
     * @param stride from one panel to the next, 16·terms or more
     */
    void panelRow(int terms, int panels, float[] x, int xAt, float[] w, int wAt, int stride, float[] out, int outAt);

    /** @return native memory, in this machine's byte order, as {@link #addRowTimes} and {@link #timesRow} take it */
    Object memory(ByteBuffer bytes);

    /**
     * {@link Kind#STREAMED}: out [n] += x [terms]·w [terms,n], of which memory is read in four places far from each other at
     * once, each of them to its end.
     *
     * @param terms a multiple of {@link #ROWS}
     * @param n a multiple of {@link #WIDTH}
     * @param w see {@link #memory}
     * @param wAt the float of w with which the matrix begins
     */
    void addRowTimes(int terms, int n, float[] x, Object w, int wAt, float[] out);

    /**
     * {@link Kind#STREAMED}: out [n] = w [n,terms]·x [terms], read as in {@link #addRowTimes}.
     *
     * @param terms a multiple of {@link #WIDTH}
     * @param n at least {@link #ROWS}
     */
    void timesRow(int terms, int n, float[] x, Object w, int wAt, float[] out);
}
