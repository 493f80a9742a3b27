package org.minigpt.internal.kernels;

/**
 * The arithmetic of the layers that Llama (Touvron et al. 2023, arXiv:2302.13971) has and GPT-2 has not, on heap tiles as
 * in {@link TileMath}.
 */
interface LlamaMath {
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
