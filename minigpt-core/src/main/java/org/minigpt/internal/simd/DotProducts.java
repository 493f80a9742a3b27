package org.minigpt.internal.simd;

/**
 * Products of one row or of a few with a matrix W [out,in], as generation needs them: an entry is a dot of two rows. As for
 * {@link RowProducts} its bits depend on those two only.
 */
public interface DotProducts {
    /** Partial sums of a dot. */
    int WIDTH = 16;

    /**
     * y [rows,n] = x [rows,in]·Wᵀ for W [n,in] in native memory: {@code s[k mod 16] = fma(x[k], W[j,k], s[k mod 16])} for
     * k from 0 on, in 16 sums from 0, of which then the upper half is added to the lower one until one is left.
     *
     * @param xRow from one row of x to the next
     * @param wAt the float of w with which W begins
     * @param yRow from one row of y to the next
     */
    void dots(
            int rows,
            int in,
            int n,
            float[] x,
            int xAt,
            int xRow,
            NativeBytes w,
            int wAt,
            float[] y,
            int yAt,
            int yRow);
}
