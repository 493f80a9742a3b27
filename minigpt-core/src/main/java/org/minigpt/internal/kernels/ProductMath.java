package org.minigpt.internal.kernels;

/** Products of matrices on the heap that are too small for a BLAS, which spends most of their time on packing them. */
interface ProductMath {
    /**
     * @return whether these are faster than OpenBLAS's for the heads of some ten positions: by half with vectors of 8
     *     floats. With those of 16 it has kernels for small matrices, which do not pack; with fewer it is left to BLAS
     */
    boolean beatBlas();

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
