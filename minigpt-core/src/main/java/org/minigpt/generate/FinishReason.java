package org.minigpt.generate;

/** Why a generation ended. */
public enum FinishReason {
    /** It has as many tokens as were asked for. */
    LENGTH,
    /** A stop text or a stop token came. */
    STOP,
    /** It was cancelled. */
    CANCELLED
}
