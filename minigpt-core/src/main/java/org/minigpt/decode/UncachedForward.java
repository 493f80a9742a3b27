package org.minigpt.decode;

import java.util.Arrays;
import java.util.function.Function;

/**
 * Whole sequences through the model, one by one: its own graph, whatever ops that is made of, or a network of DL4J's.
 */
final class UncachedForward implements Forward {
    private final Function<int[], double[]> logits;

    /** @param logits of what follows some tokens, [V] */
    UncachedForward(Function<int[], double[]> logits) {
        this.logits = logits;
    }

    @Override
    public boolean remembers() {
        return false;
    }

    @Override
    public void begin() {
        // The model's own graph has nothing but the parameters.
    }

    @Override
    public double[][] run(int[] rows, int[] past, int[][] ids) {
        return Arrays.stream(ids).map(logits).toArray(double[][]::new);
    }

    @Override
    public void reserve(int row, int tokens) {
        // Nothing is remembered.
    }

    @Override
    public long bytes() {
        return 0;
    }

    @Override
    public void close() {
        // It has none.
    }

    @Override
    public void copy(int from, int to, int length) {
        // Nothing is remembered.
    }
}
