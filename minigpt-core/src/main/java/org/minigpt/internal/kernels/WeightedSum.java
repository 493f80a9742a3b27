package org.minigpt.internal.kernels;

import org.minigpt.internal.simd.Simd;

/**
 * y = Σ weight[i]·x[i] over arrays of one length: gradients of several replicas averaged. They are added up by a binary
 * tree that depends on their number only: the left part has the largest power of two that is less, so of five it is
 * ((0+1)+(2+3))+4. Errors of rounding grow with the depth of the tree, not with the number.
 */
public final class WeightedSum {
    private static final int TILE = 4096;

    private final Floats[] x;
    private final Floats y;

    /** For each level of the tree the sum of what is below it. */
    private final float[][] sums;

    /** @param y may be one of the x */
    public WeightedSum(Floats[] x, Floats y) {
        this.x = x;
        this.y = y;
        sums = new float[1 + depth(x.length)][Math.min(TILE, y.length())];
    }

    private static int depth(int terms) {
        return Integer.SIZE - Integer.numberOfLeadingZeros(terms - 1);
    }

    /** @return how many of some terms, at least two, are in the tree's left part */
    public static int left(int terms) {
        return Integer.highestOneBit(terms - 1);
    }

    /**
     * Computes the entries from {@code from} to {@code to}.
     *
     * @param weights one for each x
     */
    public void run(float[] weights, int from, int to) {
        for (int at = from; at < to; at += TILE) {
            int n = Math.min(TILE, to - at);
            add(weights, 0, x.length, at, n, 0);
            y.write(at, sums[0], 0, n);
        }
    }

    /** sums[level] = the sum of the terms from {@code first} to {@code end}. */
    private void add(float[] weights, int first, int end, int at, int n, int level) {
        if (end - first == 1) {
            x[first].read(at, sums[level], 0, n);
            Simd.MATH.scale(sums[level], weights[first], n);
            return;
        }
        int middle = first + left(end - first);
        add(weights, first, middle, at, n, level);
        if (end - middle == 1) {
            x[middle].read(at, sums[level + 1], 0, n);
            Simd.MATH.addScaled(sums[level], sums[level + 1], weights[middle], n);
        } else {
            add(weights, middle, end, at, n, level + 1);
            Simd.MATH.addScaled(sums[level], sums[level + 1], 1, n);
        }
    }
}
