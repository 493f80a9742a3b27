package org.minigpt.internal.kernels;

import org.minigpt.internal.parallel.Work;
import org.minigpt.internal.simd.NativeBytes;
import org.minigpt.internal.simd.Simd;

/** {@link RowsKernel} with W [out,in]: its parts are columns of y, which are rows of W. */
final class DotRowsKernel extends RowsKernel {
    private final Dots dots;

    /** The products of all rows of x with some rows of W, of whatever type W is. */
    interface Dots {
        /**
         * y [rows,n] = x [rows,in]·Wᵀ for n rows of W, by {@link org.minigpt.internal.simd.DotProducts}.
         *
         * @param part whose columns they are
         * @param from the first of them
         * @param y from 0 on
         */
        void compute(int part, int rows, float[] x, int from, int n, float[] y);
    }

    DotRowsKernel(LinearOperands o, Dots dots, DecodeMemory memory, int parts) {
        super(o, memory, parts);
        this.dots = dots;
    }

    /** @return those with W of type FLOAT */
    static Dots ofFloats(LinearOperands o) {
        NativeBytes w = o.w().nativeBytes();
        int in = o.in();
        return (part, rows, x, from, n, y) -> Simd.dots().dots(rows, in, n, x, 0, in, w, from * in, y, 0, n);
    }

    @Override
    public void run(int part) {
        int from = Work.cut(o.out(), part, parts(), LinearChoice.COLUMNS);
        int n = Work.cut(o.out(), part + 1, parts(), LinearChoice.COLUMNS) - from;
        float[] y = memory.tile(part, o.rows() * n + n);
        dots.compute(part, o.rows(), x(), from, n, y);
        if (o.b() != null) {
            int b = o.rows() * n;
            o.b().read(from, y, b, n);
            for (int r = 0; r < o.rows(); r++) {
                for (int j = 0; j < n; j++) {
                    y[r * n + j] += y[b + j];
                }
            }
        }
        write(y, from, n, n);
    }
}
