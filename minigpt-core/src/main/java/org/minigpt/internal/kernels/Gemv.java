package org.minigpt.internal.kernels;

import static org.bytedeco.openblas.global.openblas_nolapack.CblasNoTrans;
import static org.bytedeco.openblas.global.openblas_nolapack.CblasRowMajor;
import static org.bytedeco.openblas.global.openblas_nolapack.CblasTrans;

import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.openblas.global.openblas_nolapack;

/**
 * Products of a row-major matrix and a vector, and sums of vectors, by OpenBLAS, as {@link Blas} has those of matrices.
 */
final class Gemv {
    static {
        OpenBlas.load();
    }

    private Gemv() {}

    /** y [m] = alpha·A [m,n]·x [n] + beta·y. */
    static void n(int m, int n, float alpha, FloatPointer a, int lda, FloatPointer x, float beta, FloatPointer y) {
        requireOperands(m, n, a, lda, x, n, y, m);
        openblas_nolapack.cblas_sgemv(CblasRowMajor, CblasNoTrans, m, n, alpha, a, lda, x, 1, beta, y, 1);
    }

    /** y [n] = alpha·A [m,n]ᵀ·x [m] + beta·y. */
    static void t(int m, int n, float alpha, FloatPointer a, int lda, FloatPointer x, float beta, FloatPointer y) {
        requireOperands(m, n, a, lda, x, m, y, n);
        openblas_nolapack.cblas_sgemv(CblasRowMajor, CblasTrans, m, n, alpha, a, lda, x, 1, beta, y, 1);
    }

    /** y [n] = x. */
    static void copy(int n, FloatPointer x, FloatPointer y) {
        requireVectors(n, x, y);
        openblas_nolapack.cblas_scopy(n, x, 1, y, 1);
    }

    /** y [n] += x. */
    static void add(int n, FloatPointer x, FloatPointer y) {
        requireVectors(n, x, y);
        openblas_nolapack.cblas_saxpy(n, 1f, x, 1, y, 1);
    }

    private static void requireOperands(
            int m, int n, FloatPointer a, int lda, FloatPointer x, int xLength, FloatPointer y, int yLength) {
        NativeMemory.requireMatrix(a, m, n, lda);
        NativeMemory.requireMatrix(x, 1, xLength, xLength);
        NativeMemory.requireMatrix(y, 1, yLength, yLength);
    }

    private static void requireVectors(int n, FloatPointer x, FloatPointer y) {
        NativeMemory.requireMatrix(x, 1, n, n);
        NativeMemory.requireMatrix(y, 1, n, n);
    }
}
