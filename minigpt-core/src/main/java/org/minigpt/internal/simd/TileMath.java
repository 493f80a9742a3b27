package org.minigpt.internal.simd;

/**
 * The element-wise and row-wise arithmetic of the kernels, on heap tiles: {@code rows} rows of {@code c} entries each,
 * packed row-major from index 0. Methods work in place where they say nothing else, and keep no state.
 */
public interface TileMath {
    /**
     * What a step of AdamW does to every entry alike: g is multiplied by {@code factor}, m becomes β₁·m + (1-β₁)·g and v
     * becomes β₂·v + (1-β₂)·g², and then p becomes {@code keep}·p - {@code scaledStepSize}·m/(√v + {@code scaledEps}).
     */
    record AdamW(
            float keep,
            float factor,
            float beta1,
            float rest1,
            float beta2,
            float rest2,
            float scaledEps,
            float scaledStepSize) {}

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

    /** One step of AdamW on p, m and v with the gradients g. */
    void adamW(AdamW step, float[] p, float[] g, float[] m, float[] v, int n);

    /** @return Σ x[0..n)², added up in double */
    double sumOfSquares(float[] x, int n);

    /** a += b. */
    void add(float[] a, float[] b, int n);

    /** a = scale·a. */
    void scale(float[] a, float scale, int n);

    /** a += scale·b. */
    void addScaled(float[] a, float[] b, float scale, int n);

    /** Each row of x [rows,c] becomes x/√(E[x²] + eps)·gain. */
    void rmsNorm(float[] x, int rows, int c, float eps, float[] gain);

    /** The gradients of {@link #rmsNorm}: x becomes dx; {@code dGain += Σ dy·x̂} over the rows. dy is left as it is. */
    void rmsNormGradient(float[] x, float[] dy, int rows, int c, float eps, float[] gain, float[] dGain);

    /** y[yAt..yAt+n) = silu(gate)·up for the gates x[at..at+n) and what they let through, x[at+n..at+2n). */
    void swiGlu(float[] x, int at, int n, float[] y, int yAt);

    /** The gradient of {@link #swiGlu}: x[at..at+2n) becomes dx for dy[yAt..yAt+n). */
    void swiGluGradient(float[] x, int at, int n, float[] dy, int yAt);

    /**
     * Turns the pairs (x[at+j], x[at+n+j]), j &lt; n, by angles whose cosines and sines are cos[angle+j] and sin[angle+j].
     */
    void rotate(float[] x, int at, int n, float[] cos, float[] sin, int angle);
}
