package org.minigpt.internal.kernels;

import org.minigpt.internal.parallel.Work;
import org.minigpt.internal.simd.Products;
import org.minigpt.internal.simd.Simd;

/** y = x·W + b of few rows on the heap, with {@link WeightPanels} of W, its parts columns of y. */
final class PanelRowsKernel implements Work {
    private static final int WIDTH = Products.WIDTH;

    private final LinearOperands o;
    private final WeightPanels panels;
    private final Part[] parts;

    PanelRowsKernel(LinearOperands o, WeightPanels panels, int parts) {
        this.o = o;
        this.panels = panels;
        this.parts = new Part[parts];
        for (int i = 0; i < parts; i++) {
            int from = Work.cutUp(o.out(), i, parts, WIDTH);
            this.parts[i] = new Part(from, Work.cutUp(o.out(), i + 1, parts, WIDTH));
        }
    }

    @Override
    public int parts() {
        return parts.length;
    }

    @Override
    public void run(int part) {
        parts[part].run();
    }

    /** Columns, from the beginning of a panel on. */
    private final class Part {
        private final int from;
        private final int count;
        private final int width; // filled up to whole panels
        private final int rows; // filled up with zeros
        private final float[] bias;
        private final float[] few; // x [rows,in], and y [rows,width] after it

        Part(int from, int to) {
            this.from = from;
            this.count = to - from;
            this.width = Tiles.roundUp(count, WIDTH);
            this.rows = Tiles.roundUp(o.rows(), Products.ROWS);
            this.bias = new float[width];
            this.few = new float[rows * (o.in() + width)];
        }

        void run() {
            float[] w = panels.get();
            int first = rows * o.in(); // of y in few
            o.x().read(0, few, 0, o.rows() * o.in());
            if (o.b() != null) {
                o.b().read(from, bias, 0, count);
            }
            Simd.PRODUCTS.panelRows(rows, o.in(), width / WIDTH, few, w, from * o.in(), bias, 0, few, first, width);
            if (count == o.out() && width == count) {
                o.y().write(0, few, first, o.rows() * count);
                return;
            }
            for (int r = 0; r < o.rows(); r++) {
                o.y().write(r * o.out() + from, few, first + r * width, count);
            }
        }
    }
}
