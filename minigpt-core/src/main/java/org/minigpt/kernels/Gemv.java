package org.minigpt.kernels;

import static org.bytedeco.openblas.global.openblas_nolapack.CblasNoTrans;
import static org.bytedeco.openblas.global.openblas_nolapack.CblasRowMajor;
import static org.bytedeco.openblas.global.openblas_nolapack.CblasTrans;

import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.openblas.global.openblas_nolapack;

/** Products of a row-major matrix and a vector, and sums of vectors, by OpenBLAS, as {@link Blas} has those of matrices. */
final class Gemv {
    private Gemv() {}

    /** y [m] = alpha·A [m,n]·x [n] + beta·y. */
    static void n(int m, int n, float alpha, FloatPointer a, int lda, FloatPointer x, float beta, FloatPointer y) {
        openblas_nolapack.cblas_sgemv(CblasRowMajor, CblasNoTrans, m, n, alpha, a, lda, x, 1, beta, y, 1);
    }

    /** y [n] = alpha·A [m,n]ᵀ·x [m] + beta·y. */
    static void t(int m, int n, float alpha, FloatPointer a, int lda, FloatPointer x, float beta, FloatPointer y) {
        openblas_nolapack.cblas_sgemv(CblasRowMajor, CblasTrans, m, n, alpha, a, lda, x, 1, beta, y, 1);
    }

    /** y [n] = x. */
    static void copy(int n, FloatPointer x, FloatPointer y) {
        openblas_nolapack.cblas_scopy(n, x, 1, y, 1);
    }

    /** y [n] += x. */
    static void add(int n, FloatPointer x, FloatPointer y) {
        openblas_nolapack.cblas_saxpy(n, 1f, x, 1, y, 1);
    }
}
