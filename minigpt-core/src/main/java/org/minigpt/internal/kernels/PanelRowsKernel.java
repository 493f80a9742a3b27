package org.minigpt.internal.kernels;

import java.util.Arrays;
import org.minigpt.internal.parallel.Work;
import org.minigpt.internal.simd.NativeBytes;
import org.minigpt.internal.simd.RowProducts;
import org.minigpt.internal.simd.Simd;

/**
 * {@link RowsKernel} with W [in,out] in panels, its parts columns of y: with {@link WeightPanels}, or else with panels
 * that are made block by block from native memory, each of which stays in a cache while all rows are multiplied with it.
 */
final class PanelRowsKernel extends RowsKernel {
    private static final int WIDTH = RowProducts.WIDTH;

    /** Floats of a block: a quarter of a second-level cache. */
    private static final int BLOCK = 1 << 16;

    private final WeightPanels kept; // null for none
    private final NativeBytes w;
    private final TermGroups groups;

    /** @param kept null to read W from native memory */
    PanelRowsKernel(LinearOperands o, TermGroups groups, WeightPanels kept, DecodeMemory memory, int parts) {
        super(o, memory, parts);
        this.groups = groups;
        this.kept = kept;
        this.w = o.w().nativeBytes();
    }

    @Override
    public void run() {
        if (groups.spread()) {
            float[] read = memory.tile(0, o.rows() * o.in());
            o.x().read(0, read, 0, o.rows() * o.in());
            groups.order(o.rows(), read, x());
            memory.team().run(this);
        } else {
            super.run();
        }
    }

    @Override
    public void run(int part) {
        int from = Work.cut(o.out(), part, parts(), WIDTH);
        int end = Work.cut(o.out(), part + 1, parts(), WIDTH);
        if (kept != null) {
            columns(part, from, end);
            return;
        }
        int terms = groups.first(1);
        int block = Math.max(WIDTH, BLOCK / terms / (2 * WIDTH) * (2 * WIDTH));
        for (int column = from; column < end; column += block) {
            columns(part, column, Math.min(end, column + block));
        }
    }

    private void columns(int part, int from, int end) {
        int n = end - from;
        int count = Tiles.roundUp(n, WIDTH) / WIDTH;
        int width = count * WIDTH;
        float[] y = memory.tile(part, o.rows() * width);
        begin(y, from, n, width);
        for (int group = 0; group < groups.count(); group++) {
            int k = groups.first(group);
            int terms = groups.first(group + 1) - k;
            float[] panels;
            int at = 0;
            int panel = terms * WIDTH;
            if (kept != null) {
                panels = kept.get();
                at = from * o.in() + k * WIDTH;
                panel = o.in() * WIDTH;
            } else {
                panels = memory.block(part, panel * count);
                Simd.rows().pack(terms, groups.spread(), n, w, k * o.out() + from, o.out(), panels, 0, panel);
            }
            Simd.panels().panels(o.rows(), terms, count, x(), k, o.in(), panels, at, panel, y, 0, width);
        }
        write(y, from, n, width);
    }

    /** Sets all rows of y to the bias. */
    private void begin(float[] y, int from, int n, int width) {
        if (o.b() == null) {
            Arrays.fill(y, 0, o.rows() * width, 0f);
            return;
        }
        o.b().read(from, y, 0, n);
        Arrays.fill(y, n, width, 0f);
        for (int r = 1; r < o.rows(); r++) {
            System.arraycopy(y, 0, y, r * width, width);
        }
    }
}
