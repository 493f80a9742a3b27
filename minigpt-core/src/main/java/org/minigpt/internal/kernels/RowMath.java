package org.minigpt.internal.kernels;

import java.nio.ByteBuffer;

/**
 * Products of one row with a matrix in native memory, which waits for that memory and nothing else: it is read in four places
 * far from each other at once, each of them to its end.
 */
interface RowMath {
    /** Rows that are read at once. */
    int ROWS = 4;

    /** Floats that are read of a row at once. */
    int WIDTH = 16;

    /** @return the memory as the products take it */
    Object memory(ByteBuffer bytes);

    /**
     * out [n] += x [terms]·w [terms,n].
     *
     * @param terms a multiple of {@link #ROWS}
     * @param n a multiple of {@link #WIDTH}
     * @param w see {@link #memory}
     * @param wAt the float of w with which the matrix begins
     */
    void add(int terms, int n, float[] x, Object w, int wAt, float[] out);

    /**
     * out [n] = w [n,terms]·x [terms].
     *
     * @param terms a multiple of {@link #WIDTH}
     * @param n at least {@link #ROWS}
     */
    void dots(int terms, int n, float[] x, Object w, int wAt, float[] out);
}
