package org.minigpt.internal.kernels;

/**
 * Products of rows with a matrix w [terms,n] that lies on the heap in panels of {@link #WIDTH} columns: [n/16,terms,16],
 * each of which is read from one end to the other. The number of columns is a multiple of 16, filled up as one likes.
 */
interface PanelMath {
    /** Columns of a panel. */
    int WIDTH = 16;

    /** Rows of {@link #rows} are a multiple of this. */
    int ROWS = 4;

    /**
     * @return whether these are faster than OpenBLAS's products of a few rows: with vectors of 8 floats. For those of 16 it
     *     has kernels that need no panels; with fewer it is left to BLAS
     */
    boolean beatBlas();

    /**
     * out [rows,n] = start [n] + x [rows,terms]·w, with {@code panels} panels of w; x begins at 0.
     *
     * @param rows a multiple of {@link #ROWS}
     * @param outRow from one row of out to the next
     */
    void rows(
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
     * out [n] = x [terms]·w, for a w that comes from memory: several panels are read at once.
     *
     * @param stride from one panel to the next, 16·terms or more
     */
    void row(int terms, int panels, float[] x, int xAt, float[] w, int wAt, int stride, float[] out, int outAt);
}
