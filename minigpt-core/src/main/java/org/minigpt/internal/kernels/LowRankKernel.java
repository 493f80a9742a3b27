package org.minigpt.internal.kernels;

/**
 * A matrix that is trained through a product of two thin ones: W = W₀ + s·A·B with W [in,out], A [in,r] and B [r,out]
 * (Hu et al., arXiv:2106.09685).
 *
 * @param in rows of W
 * @param out columns of W
 * @param rank r
 * @param scale s
 * @param a A
 * @param b B
 */
public record LowRankKernel(int in, int out, int rank, float scale, Floats a, Floats b) {

    /** Adds s·A·B to w, which holds W₀. */
    public void add(Floats w) {
        Blas.nn(in, out, rank, scale, a.at(0), rank, b.at(0), out, 1f, w.at(0), out);
    }

    /** Computes dA = s·dW·Bᵀ [in,r] and dB = s·Aᵀ·dW [r,out]. */
    public void gradients(Floats dw, Floats da, Floats db) {
        Blas.nt(in, rank, out, scale, dw.at(0), out, b.at(0), out, 0f, da.at(0), rank);
        Blas.tn(rank, out, in, scale, a.at(0), rank, dw.at(0), out, 0f, db.at(0), out);
    }
}
