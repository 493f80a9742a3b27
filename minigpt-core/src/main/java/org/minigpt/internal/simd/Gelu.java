package org.minigpt.internal.simd;

/** The two forms of the Gaussian error linear unit (Hendrycks and Gimpel, arXiv:1606.08415). */
public enum Gelu {
    /** x·Φ(x) = x/2·(1 + erf(x/√2)): PyTorch's default. */
    ERF,
    /** x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))): GPT-2's, called gelu_new by Hugging Face. */
    TANH
}
