package org.minigpt.internal.kernels;

import org.minigpt.internal.parallel.Work;

/**
 * y = x·W + b of several rows by OpenBLAS, its parts columns or rows of y. A BLAS that packs its operands would read
 * the weights more than once for few rows: so their columns are computed in blocks that it multiplies without packing.
 */
final class BlasRowsKernel implements Work {
    /** OpenBLAS's kernels for small matrices take over below so many multiplications. */
    private static final int SMALL_PRODUCT = 1_000_000;

    private static final int SMALL_PRODUCT_TRANSPOSED = 500_000;

    /** Columns of x in a block. */
    private static final int DEPTH = 512;

    /** Columns of y in a block, and entries of y where a part begins, are a multiple of this: a line of a cache. */
    private static final int COLUMNS = 16;

    private final boolean columns;
    private final Part[] parts;

    /** @param columns whether the parts are columns, for few rows */
    BlasRowsKernel(LinearOperands o, boolean columns, int parts) {
        this.columns = columns;
        this.parts = new Part[parts];
        int total = columns ? o.out() : o.rows();
        for (int i = 0; i < parts; i++) {
            int from = Work.cutUp(total, i, parts, COLUMNS);
            int to = Work.cutUp(total, i + 1, parts, COLUMNS);
            this.parts[i] = new Part(o.alias(), from, to, o.b() == null ? null : new float[o.out()]);
        }
    }

    @Override
    public int parts() {
        return parts.length;
    }

    @Override
    public void run(int part) {
        if (columns) {
            parts[part].columns();
        } else {
            parts[part].rows();
        }
    }

    /** @param tile of biases, null without */
    private record Part(LinearOperands o, int from, int to, float[] tile) {
        void columns() {
            bias(0, o.rows(), from, to);
            int depth = Math.min(o.in(), DEPTH);
            int most = (o.outIn() ? SMALL_PRODUCT_TRANSPOSED : SMALL_PRODUCT) / (o.rows() * depth);
            int width = Math.max(COLUMNS, most / COLUMNS * COLUMNS);
            for (int column = from; column < to; column += width) {
                int n = Math.min(width, to - column);
                for (int k = 0; k < o.in(); k += depth) {
                    float beta = k > 0 || o.b() != null ? 1f : 0f;
                    product(0, o.rows(), column, n, k, Math.min(depth, o.in() - k), beta);
                }
            }
        }

        void rows() {
            bias(from, to, 0, o.out());
            product(from, to - from, 0, o.out(), 0, o.in(), o.b() != null ? 1f : 0f);
        }

        private void bias(int row, int end, int column, int columnEnd) {
            if (o.b() == null) {
                return;
            }
            // The product adds to what is there, so the bias costs one write and no read.
            o.b().read(column, tile, 0, columnEnd - column);
            for (int r = row; r < end; r++) {
                o.y().write(r * o.out() + column, tile, 0, columnEnd - column);
            }
        }

        /**
         * y[row.., column..] = x[row.., k..]·W[k.., column..] + beta·y, of m rows, n columns and {@code depth} terms.
         */
        private void product(int row, int m, int column, int n, int k, int depth, float beta) {
            int in = o.in();
            int out = o.out();
            long xAt = (long) row * in + k;
            long yAt = (long) row * out + column;
            if (o.outIn()) {
                long wAt = (long) column * in + k;
                Blas.nt(m, n, depth, 1f, o.x().at(xAt), in, o.w().at(wAt), in, beta, o.y().at(yAt), out);
            } else {
                long wAt = (long) k * out + column;
                Blas.nn(m, n, depth, 1f, o.x().at(xAt), in, o.w().at(wAt), out, beta, o.y().at(yAt), out);
            }
        }
    }
}
