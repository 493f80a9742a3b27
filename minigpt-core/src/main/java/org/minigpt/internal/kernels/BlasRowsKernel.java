package org.minigpt.internal.kernels;

import org.minigpt.internal.parallel.Team;
import org.minigpt.internal.parallel.Work;

/**
 * y = x·W + b of the tokens of a prompt by OpenBLAS. Its parts are columns of y, of which a BLAS packs W once and x, which is
 * smaller, several times. It would read the weights more than once for few rows: so their columns are computed in blocks
 * that it multiplies without packing. The parts depend on the shape only, since the BLAS may round otherwise in others.
 */
final class BlasRowsKernel implements Runnable, Work {
    /** Up to so many rows, blocks that OpenBLAS multiplies without packing are faster than one large product. */
    private static final int FEW_ROWS = 32;

    /** OpenBLAS's kernels for small matrices take over below so many multiplications. */
    private static final int SMALL_PRODUCT = 1_000_000;

    private static final int SMALL_PRODUCT_TRANSPOSED = 500_000;

    /** Columns of x in a block. */
    private static final int DEPTH = 512;

    private final Part[] parts;
    private final Team team;

    BlasRowsKernel(LinearOperands o, Team team, int parts) {
        this.team = team;
        this.parts = new Part[parts];
        for (int i = 0; i < parts; i++) {
            int from = Work.cutUp(o.out(), i, parts, LinearChoice.COLUMNS);
            int to = Work.cutUp(o.out(), i + 1, parts, LinearChoice.COLUMNS);
            this.parts[i] = new Part(o.alias(), from, to, o.b() == null ? null : new float[to - from]);
        }
    }

    @Override
    public void run() {
        team.run(this);
    }

    @Override
    public int parts() {
        return parts.length;
    }

    @Override
    public void run(int part) {
        parts[part].run();
    }

    /** @param tile of biases, null without */
    private record Part(LinearOperands o, int from, int to, float[] tile) {
        void run() {
            if (from == to) {
                return;
            }
            if (tile != null) {
                // The product adds to what is there, so the bias costs one write and no read.
                o.setToBias(from, tile);
            }
            boolean few = o.rows() <= FEW_ROWS;
            int depth = few ? Math.min(o.in(), DEPTH) : o.in();
            int most = (o.outIn() ? SMALL_PRODUCT_TRANSPOSED : SMALL_PRODUCT) / (o.rows() * depth);
            int width = few ? Math.max(1, most / LinearChoice.COLUMNS) * LinearChoice.COLUMNS : to - from;
            for (int column = from; column < to; column += width) {
                int n = Math.min(width, to - column);
                for (int k = 0; k < o.in(); k += depth) {
                    product(column, n, k, Math.min(depth, o.in() - k), k > 0 || tile != null ? 1f : 0f);
                }
            }
        }

        /** y[.., column..] = x[.., k..]·W[k.., column..] + beta·y, of n columns and {@code depth} terms. */
        private void product(int column, int n, int k, int depth, float beta) {
            int in = o.in();
            int out = o.out();
            if (o.outIn()) {
                long wAt = (long) column * in + k;
                Blas.nt(o.rows(), n, depth, 1f, o.x().at(k), in, o.w().at(wAt), in, beta, o.y().at(column), out);
            } else {
                long wAt = (long) k * out + column;
                Blas.nn(o.rows(), n, depth, 1f, o.x().at(k), in, o.w().at(wAt), out, beta, o.y().at(column), out);
            }
        }
    }
}
