package org.minigpt.internal.kernels;

import org.minigpt.internal.simd.NativeBytes;
import org.minigpt.internal.simd.RowProducts;
import org.minigpt.internal.simd.Simd;

/**
 * Weights W [in,out] of a small model on the heap, in {@link RowProducts#panels panels} of 16 columns, [out/16,in,16], with
 * zeros beyond the last column and terms in the order of {@link TermGroups}: they are read from one end to the other, and
 * not copied for each batch. They are copied when they are first asked for, and kept until {@link #forget}. Safe for use
 * by several threads.
 */
final class WeightPanels {
    private static final int WIDTH = RowProducts.WIDTH;

    private final LinearOperands o;
    private final TermGroups groups;
    private float[] panels;

    /**
     * The panels, or null if they are to be copied first: threads that wait for a lock here would wait at each product.
     */
    private volatile float[] ready;

    /** @param o with W [in,out] */
    WeightPanels(LinearOperands o, TermGroups groups) {
        this.o = o;
        this.groups = groups;
    }

    /** The weights are about to change: they are copied anew when they are next asked for. */
    synchronized void forget() {
        ready = null;
    }

    float[] get() {
        float[] present = ready;
        return present != null ? present : copy();
    }

    private synchronized float[] copy() {
        if (ready == null) {
            if (panels == null) {
                panels = new float[Tiles.roundUp(o.out(), WIDTH) * o.in()];
            }
            NativeBytes w = o.w().nativeBytes();
            for (int group = 0; group < groups.count(); group++) {
                int k = groups.first(group);
                int terms = groups.first(group + 1) - k;
                Simd.rows()
                        .pack(
                                terms,
                                groups.spread(),
                                o.out(),
                                w,
                                k * o.out(),
                                o.out(),
                                panels,
                                k * WIDTH,
                                o.in() * WIDTH);
            }
            ready = panels;
        }
        return ready;
    }
}
