package org.minigpt.train;

/** How the windows of the training split are drawn. */
public enum Sampling {
    /** From anywhere, with replacement, as in the lecture and in nanoGPT: {@link org.minigpt.data.RandomWindows}. */
    RANDOM,
    /** Each once an epoch: {@link org.minigpt.data.ShuffledWindows}. */
    EPOCH
}
