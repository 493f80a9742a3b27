package org.minigpt.internal.kernels;

import org.minigpt.internal.parallel.Work;
import org.minigpt.internal.simd.RowProducts;

/**
 * The order in which generation adds up the terms of a product with W [in,out]. A small W's are one group, one after the
 * other. Those of a W that comes from memory are eight, which threads share out, and within each group its quarters take
 * turns: memory gives more when it is read in four places at once. The sums of the groups are added to the bias, one after
 * the other. The order depends on W's shape only.
 *
 * @param in the terms
 * @param count the groups
 */
record TermGroups(int in, int count) {
    /** Floats of a matrix that is taken to come from memory: a few of them fill the last-level cache. */
    private static final int FROM_MEMORY = 1 << 18;

    private static final int GROUPS = 8;

    static TermGroups of(int in, int out) {
        return new TermGroups(in, (long) in * out < FROM_MEMORY || in < GROUPS * RowProducts.PLACES ? 1 : GROUPS);
    }

    /** @return the first term of a group; of the group after the last one, their number */
    int first(int group) {
        return Work.cut(in, group, count, RowProducts.PLACES);
    }

    /** @return whether the quarters of a group take turns */
    boolean spread() {
        return count > 1;
    }

    /** Puts the terms of rows of x [rows,in] into this order. */
    void order(int rows, float[] x, float[] ordered) {
        for (int r = 0; r < rows; r++) {
            for (int group = 0; group < count; group++) {
                int from = r * in + first(group);
                int terms = first(group + 1) - first(group);
                for (int i = 0; i < terms; i++) {
                    ordered[from + i] = x[from + RowProducts.term(i, terms, spread())];
                }
            }
        }
    }
}
