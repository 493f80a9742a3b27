package org.minigpt.generate;

/** Why a generation ended. */
public enum FinishReason {
    /** It has as many tokens as were asked for. */
    LENGTH,
    /** A stop text or a stop token came, or the model ended its text. */
    STOP,
    /** Penalties and filters had left no token that may come next. */
    EXHAUSTED,
    /** It was cancelled. */
    CANCELLED
}
