package org.minigpt.internal.kernels;

import java.util.Arrays;
import org.minigpt.internal.parallel.Work;
import org.minigpt.internal.simd.NativeBytes;
import org.minigpt.internal.simd.Simd;

/**
 * {@link RowsKernel} of one row with W [in,out] that is read from native memory. Parts are {@link TermGroups} of a large W, so
 * that each reads memory from one end to the other, or else columns.
 */
final class StreamedRowKernel extends RowsKernel {
    private final NativeBytes w;
    private final TermGroups groups;
    private final float[] sums; // of the groups, [groups,out]

    StreamedRowKernel(LinearOperands o, TermGroups groups, DecodeMemory memory, int parts) {
        super(o, memory, groups.count() > 1 ? groups.count() : parts);
        this.w = o.w().nativeBytes();
        this.groups = groups;
        this.sums = new float[groups.count() * o.out()];
    }

    @Override
    public void run(int part) {
        boolean one = groups.count() == 1;
        int group = one ? 0 : part;
        int k = groups.first(group);
        int from = one ? Work.cut(o.out(), part, parts(), LinearChoice.COLUMNS) : 0;
        int n = (one ? Work.cut(o.out(), part + 1, parts(), LinearChoice.COLUMNS) : o.out()) - from;
        int at = group * o.out() + from;
        Arrays.fill(sums, at, at + n, 0f);
        int terms = groups.first(group + 1) - k;
        Simd.rows().streamed(terms, groups.spread(), n, x(), k, w, k * o.out() + from, o.out(), sums, at);
    }

    @Override
    public void finish() {
        float[] y = memory.tile(0, o.out());
        if (o.b() == null) {
            Arrays.fill(y, 0, o.out(), 0f);
        } else {
            o.b().read(0, y, 0, o.out());
        }
        for (int group = 0; group < groups.count(); group++) {
            int at = group * o.out();
            for (int j = 0; j < o.out(); j++) {
                y[j] += sums[at + j];
            }
        }
        o.y().write(0, y, 0, o.out());
    }
}
