package org.minigpt.internal.kernels;

import static org.bytedeco.openblas.global.openblas_nolapack.CblasNoTrans;
import static org.bytedeco.openblas.global.openblas_nolapack.CblasRowMajor;
import static org.bytedeco.openblas.global.openblas_nolapack.CblasTrans;

import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.openblas.global.openblas_nolapack;

/**
 * Matrix products on row-major native memory, by the OpenBLAS that ND4J's CPU backend loads. ND4J's own
 * {@code mmuli} into a row-major result copies and costs up to fifty times the product.
 *
 * <p>The letters of a method say which operands are transposed: {@code nt} is {@code A·Bᵀ}. Each computes {@code C =
 * alpha·op(A)·op(B) + beta·C} with C [m,n] and an inner dimension k; {@code lda}, {@code ldb} and {@code ldc} are the
 * row strides of the matrices as they are stored.
 */
final class Blas {
    static {
        OpenBlas.load();
    }

    private Blas() {}

    /** C [m,n] = alpha·A [m,k]·B [k,n] + beta·C. */
    static void nn(
            int m,
            int n,
            int k,
            float alpha,
            FloatPointer a,
            int lda,
            FloatPointer b,
            int ldb,
            float beta,
            FloatPointer c,
            int ldc) {
        gemm(CblasNoTrans, CblasNoTrans, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    }

    /** C [m,n] = alpha·A [m,k]·B [n,k]ᵀ + beta·C. */
    static void nt(
            int m,
            int n,
            int k,
            float alpha,
            FloatPointer a,
            int lda,
            FloatPointer b,
            int ldb,
            float beta,
            FloatPointer c,
            int ldc) {
        gemm(CblasNoTrans, CblasTrans, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    }

    /** C [m,n] = alpha·A [k,m]ᵀ·B [k,n] + beta·C. */
    static void tn(
            int m,
            int n,
            int k,
            float alpha,
            FloatPointer a,
            int lda,
            FloatPointer b,
            int ldb,
            float beta,
            FloatPointer c,
            int ldc) {
        gemm(CblasTrans, CblasNoTrans, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    }

    /** sums [n] = Aᵀ·1: the columns of A [m,n] added up, given a vector of m ones. */
    static void columnSums(int m, int n, FloatPointer a, FloatPointer ones, FloatPointer sums) {
        Gemv.t(m, n, 1f, a, n, ones, 0f, sums);
    }

    private static void gemm(
            int transA,
            int transB,
            int m,
            int n,
            int k,
            float alpha,
            FloatPointer a,
            int lda,
            FloatPointer b,
            int ldb,
            float beta,
            FloatPointer c,
            int ldc) {
        boolean aTransposed = transA == CblasTrans;
        boolean bTransposed = transB == CblasTrans;
        NativeMemory.requireMatrix(a, aTransposed ? k : m, aTransposed ? m : k, lda);
        NativeMemory.requireMatrix(b, bTransposed ? n : k, bTransposed ? k : n, ldb);
        NativeMemory.requireMatrix(c, m, n, ldc);
        openblas_nolapack.cblas_sgemm(CblasRowMajor, transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    }
}
