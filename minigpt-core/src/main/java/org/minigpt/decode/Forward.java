package org.minigpt.decode;

/** Computes the logits after the last tokens of sequences: with a cache, or without one. */
interface Forward {

    /** @return whether the tokens of earlier runs are remembered, so that only new ones need be given */
    boolean remembers();

    /** New sequences follow, before which the model's parameters may have changed. */
    void begin();

    /**
     * Runs one batch.
     *
     * @param rows the place of each sequence
     * @param past by sequence, how many of its tokens are remembered from earlier runs; those beyond are forgotten
     * @param ids by sequence, the token that follows them; or of a single sequence, several tokens
     * @return the logits after the last token of each sequence, [rows.length,V]
     */
    double[][] run(int[] rows, int[] past, int[][] ids);

    /** Makes room for the first {@code tokens} of a sequence. */
    void reserve(int row, int tokens);

    /** @return the memory that it has, in bytes */
    long bytes();

    /** Gives its memory back. */
    void close();

    /**
     * Lets the sequence {@code to} remember what {@code from} does, of which that is the first {@code length} tokens.
     */
    void copy(int from, int to, int length);
}
