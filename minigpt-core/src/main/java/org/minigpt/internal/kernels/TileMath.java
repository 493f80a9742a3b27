package org.minigpt.internal.kernels;

/**
 * The element-wise and row-wise arithmetic of the kernels, on heap tiles: {@code rows} rows of {@code c} entries each,
 * packed row-major from index 0. All methods work in place and keep no state.
 */
interface TileMath {
    /** x = max(0, x). */
    void relu(float[] x, int n);

    /** dy = dy where x &gt; 0, else 0. */
    void reluGradient(float[] x, float[] dy, int n);

    /** x = GELU(x); see {@link Gelu} for the two forms. */
    void gelu(Gelu form, float[] x, int n);

    /** dy = dy·GELU'(x). */
    void geluGradient(Gelu form, float[] x, float[] dy, int n);

    /** Each row of x becomes (x - mean)/sqrt(variance + eps)·gain + bias; {@code bias} may be null. */
    void layerNorm(float[] x, int rows, int c, float eps, float[] gain, float[] bias);

    /**
     * The gradients of {@link #layerNorm}: x becomes dx; {@code dGain += Σ dy·x̂} and {@code dBias += Σ dy} over the
     * rows ({@code dBias} may be null). dy is left as it is.
     */
    void layerNormGradient(
            float[] x, float[] dy, int rows, int c, float eps, float[] gain, float[] dGain, float[] dBias);

    /** x[at..at+n) becomes its softmax. */
    void softmax(float[] x, int at, int n);

    /**
     * Each column of x [n,m] becomes the softmax of the entries that it sees, and 0 below them: the first column sees
     * {@code seen} entries, at least 1, and each later column one more, up to all n.
     */
    void softmaxColumns(float[] x, int n, int m, int seen);

    /**
     * Each column of dp [n,m] becomes scale·p·(dp - Σ p·dp), the gradient of a softmax with the probabilities p [n,m],
     * over the entries that it sees, and 0 below them: see {@link #softmaxColumns}.
     */
    void softmaxColumnsGradient(float[] p, float[] dp, int n, int m, int seen, float scale);

    /** @return log Σ exp(x[at..at+n)), from the row's maximum so that nothing overflows; x is spoilt */
    float logSumExp(float[] x, int at, int n);

    /** One step of AdamW on p, m and v with the gradients g; see {@link AdamWKernel}. */
    void adamW(AdamWKernel.Scalars step, float[] p, float[] g, float[] m, float[] v, int n);

    /** @return Σ x[0..n)², added up in double */
    double sumOfSquares(float[] x, int n);

    /** a += b. */
    void add(float[] a, float[] b, int n);

    /** a = scale·a. */
    void scale(float[] a, float scale, int n);

    /** a += scale·b. */
    void addScaled(float[] a, float[] b, float scale, int n);

    /** @return products with the same instructions as this */
    ProductMath products();

    /** @return products with panels */
    PanelMath panels();

    /**
     * @return products of a row with a matrix in native memory; null to leave them to BLAS, where vectors have not 8 floats or
     *     cannot be read from there
     */
    RowMath rows();

    /** @return the arithmetic of Llama's layers, with the same instructions as this */
    LlamaMath llama();
}
