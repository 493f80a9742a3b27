package org.minigpt.benchmarks;

/** The sizes of two small GPTs: the lecture's, and that of nanoGPT's run on a CPU. */
public enum Size {
    S(16, 32, 64),
    M(12, 64, 128);

    /** V, the different characters of tiny Shakespeare. */
    static final int V = 65;

    static final int HEADS = 4;

    final int b;
    final int t;
    final int c;

    Size(int b, int t, int c) {
        this.b = b;
        this.t = t;
        this.c = c;
    }
}
