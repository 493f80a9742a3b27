package org.minigpt.internal.kernels;

import java.util.Arrays;
import org.minigpt.internal.parallel.Work;
import org.minigpt.internal.simd.Products;
import org.minigpt.internal.simd.Simd;

/**
 * y = x·W + b of one row by vectors of {@link Products}: for a W that comes from memory, which OpenBLAS reads row by
 * row and this in four places at once. Its parts are of W's rows.
 */
final class StreamedRowKernel implements Work {
    private final LinearOperands o; // keeps the memory
    private final Object memory; // W
    private final Part[] parts;

    /** @param o of which W has at least 4 rows a part, and a multiple of that if it is [in,out]; rows of 16·n floats */
    StreamedRowKernel(LinearOperands o, int parts) {
        this.o = o;
        this.memory = Simd.PRODUCTS.memory(o.w().bytes());
        this.parts = new Part[parts];
        int rows = o.outIn() ? o.out() : o.in();
        for (int i = 0; i < parts; i++) {
            int from = Work.cut(rows, i, parts, Products.ROWS);
            this.parts[i] = new Part(from, Work.cut(rows, i + 1, parts, Products.ROWS));
        }
    }

    @Override
    public int parts() {
        return parts.length;
    }

    @Override
    public void run(int part) {
        if (o.outIn()) {
            parts[part].dots();
        } else {
            parts[part].terms();
        }
    }

    @Override
    public void finish() {
        if (o.outIn()) {
            return; // each has written its own entries
        }
        float[] sums = parts[0].sums;
        for (int i = 1; i < parts.length; i++) {
            Simd.MATH.add(sums, parts[i].sums, o.out());
        }
        o.y().write(0, sums, 0, o.out());
    }

    /** Of rows of W: entries of y, or terms of each of them. */
    private final class Part {
        private final int from;
        private final int rows;
        private final float[] x;
        private final float[] b; // of W [out,in], else the first part's sums begin with the bias
        private final float[] sums;

        Part(int from, int to) {
            this.from = from;
            this.rows = to - from;
            this.x = new float[o.outIn() ? o.in() : rows];
            this.b = o.outIn() && o.b() != null ? new float[rows] : null;
            this.sums = new float[o.outIn() ? rows : o.out()];
        }

        void dots() {
            o.x().read(0, x, 0, o.in());
            Simd.PRODUCTS.timesRow(o.in(), rows, x, memory, from * o.in(), sums);
            if (b != null) {
                o.b().read(from, b, 0, rows);
                Simd.MATH.add(sums, b, rows);
            }
            o.y().write(from, sums, 0, rows);
        }

        void terms() {
            o.x().read(from, x, 0, rows);
            if (o.b() == null || from > 0) {
                Arrays.fill(sums, 0f);
            } else {
                o.b().read(0, sums, 0, o.out());
            }
            Simd.PRODUCTS.addRowTimes(rows, o.out(), x, memory, from * o.out(), sums);
        }
    }
}
