package org.minigpt.internal.kernels;

/**
 * A matrix, or some of its columns, that is trained through a product of two thin ones: W = W₀ + s·A·B with W [in,out], A
 * [in,r] and B [r,out] (Hu et al., arXiv:2106.09685).
 *
 * @param in rows of W
 * @param out columns of W
 * @param from the first of them in the matrix that they are columns of
 * @param width the columns of that matrix
 * @param rank r
 * @param scale s
 * @param a A
 * @param b B
 */
public record LowRankKernel(int in, int out, int from, int width, int rank, float scale, Floats a, Floats b) {

    /** Adds s·A·B to W₀ in w, the whole matrix. */
    public void add(Floats w) {
        Blas.nn(in, out, rank, scale, a.at(0), rank, b.at(0), out, 1f, w.at(from), width);
    }

    /** Computes dA = s·dW·Bᵀ [in,r] and dB = s·Aᵀ·dW [r,out], of dw of the whole matrix. */
    public void gradients(Floats dw, Floats da, Floats db) {
        Blas.nt(in, rank, out, scale, dw.at(from), width, b.at(0), out, 0f, da.at(0), rank);
        Blas.tn(rank, out, in, scale, a.at(0), rank, dw.at(from), width, 0f, db.at(0), out);
    }
}
