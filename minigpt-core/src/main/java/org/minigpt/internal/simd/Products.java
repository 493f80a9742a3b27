package org.minigpt.internal.simd;

/** Products of small matrices on the heap, such as the heads of some ten positions, of which a BLAS packs most of the time. */
public interface Products {
    /**
     * @return whether these are faster than OpenBLAS's: with vectors of 8 floats, by half. For those of 16 it has kernels for
     *     small matrices, which do not pack; with fewer all is left to it
     */
    boolean fasterThanBlas();

    /**
     * out [rows,n] = x [rows,terms]·y [terms,n], each within a larger array: entry (r,k) of x lies at
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
}
