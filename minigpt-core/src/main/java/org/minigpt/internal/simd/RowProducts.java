package org.minigpt.internal.simd;

/**
 * Products of one row or of a few with a matrix W [in,out], as generation needs them: a lane is a column. What an entry is
 * depends on its own row and column only: it is the same sequence of operations, and so the same bits, by whichever
 * variant, with whatever other rows and columns. It does not depend on the machine either, as long as that has a fused
 * multiplication and addition; without one, {@link Math#fma} is right and slow.
 */
public interface RowProducts {
    /** Columns of a panel. */
    int WIDTH = 16;

    /** Places of a matrix that are read at once. */
    int PLACES = 4;

    /**
     * y [n] += x [terms]·W [terms,n] for W in native memory: a chain of {@code fma(x[k], W[k,j], y[j])} in the order of
     * {@link #term}.
     *
     * @param spread whether memory is to be read in four places far from each other, each to its end
     * @param wAt the float of w with which W begins
     * @param wRow from one row of W to the next
     */
    void streamed(
            int terms, boolean spread, int n, float[] x, int xAt, NativeBytes w, int wAt, int wRow, float[] y, int yAt);

    /**
     * Copies W [terms,n] from native memory to panels [n/16,terms,16], rows in the order of {@link #term}; what the last
     * panel has beyond n stays.
     *
     * @param at where the first panel begins
     * @param panel from one panel to the next, at least 16·terms
     */
    void pack(int terms, boolean spread, int n, NativeBytes w, int wAt, int wRow, float[] panels, int at, int panel);

    /**
     * y [rows,16·count] += x [rows,terms]·W for W in panels, [count,terms,16]: a chain from 0, {@code s = fma(x[k], W[k,j],
     * s)} for k from 0 on, which is added to y.
     *
     * @param xRow from one row of x to the next
     * @param wPanel from one panel to the next, at least 16·terms
     * @param yRow from one row of y to the next
     */
    void panels(
            int rows,
            int terms,
            int count,
            float[] x,
            int xAt,
            int xRow,
            float[] w,
            int wAt,
            int wPanel,
            float[] y,
            int yAt,
            int yRow);

    /** @return the row of W that comes at place {@code i} of {@code terms}: i, or if it is spread the quarters take turns */
    static int term(int i, int terms, boolean spread) {
        int quarter = terms / PLACES;
        return spread && i < PLACES * quarter ? i % PLACES * quarter + i / PLACES : i;
    }
}
