package org.minigpt.internal.kernels;

import org.minigpt.internal.parallel.Work;
import org.minigpt.internal.simd.BlockProducts;

/**
 * y = x·Wᵀ + b with W [out,in] in blocks, its parts columns of y. A token each of any number of sequences has the bits that it
 * has alone. For prompts some rows of W at a time are made floats in native memory, and OpenBLAS multiplies by them.
 */
final class BlockLinearKernel implements Work {
    /** Rows of W that OpenBLAS gets at a time: with those of GPT-2's widest matrix they fit a second-level cache. */
    private static final int PANEL = 128;

    /** Columns where a part begins are a multiple of this: a line of a cache. */
    private static final int COLUMNS = 16;

    private final int rows;
    private final int in;
    private final int out;
    private final BlockMatrix w;
    private final boolean prompt;
    private final Part[] parts;

    /**
     * @param b [out], or null for none
     * @param prompt whether OpenBLAS is to multiply
     */
    BlockLinearKernel(int rows, BlockMatrix w, Floats x, Floats b, Floats y, boolean prompt, int parts) {
        this.rows = rows;
        this.in = w.columns();
        this.out = w.rows();
        this.w = w;
        this.prompt = prompt;
        this.parts = new Part[parts];
        int unit = prompt ? PANEL : COLUMNS;
        for (int i = 0; i < parts; i++) {
            int from = Work.cutUp(out, i, parts, unit);
            int to = Work.cutUp(out, i + 1, parts, unit);
            this.parts[i] = new Part(from, to, x.alias(), b == null ? null : b.alias(), y.alias());
        }
    }

    @Override
    public int parts() {
        return parts.length;
    }

    @Override
    public void run(int part) {
        if (prompt) {
            parts[part].panels();
        } else {
            parts[part].dots();
        }
    }

    /** Columns of y, from {@code from} up to {@code to}. */
    private final class Part {
        private final int from;
        private final int to;
        private final Floats x;
        private final Floats b;
        private final Floats y;
        private final int width = Tiles.roundUp(in, BlockProducts.SUMS);
        private final float[] tile; // x [rows,width], or rows of W [PANEL,in]
        private final byte[] raw; // rows of W
        private final float[] scratch;
        private final float[] sums; // [rows,to-from]
        private final float[] bias;
        private final Floats panel; // [PANEL,in]

        Part(int from, int to, Floats x, Floats b, Floats y) {
            this.from = from;
            this.to = to;
            this.x = x;
            this.b = b;
            this.y = y;
            this.tile = new float[prompt ? PANEL * in : rows * width];
            this.raw = new byte[(prompt ? PANEL : BlockProducts.ROWS) * w.rowBytes()];
            this.scratch = prompt ? null : new float[BlockProducts.ROWS * width];
            this.sums = prompt ? null : new float[rows * (to - from)];
            this.bias = b == null ? null : new float[to - from];
            this.panel = prompt ? Floats.allocate(PANEL * in) : null;
        }

        void dots() {
            int n = to - from;
            for (int r = 0; r < rows; r++) {
                x.read(r * in, tile, r * width, in);
            }
            w.rowsDots(rows, tile, from, to, raw, scratch, sums, n);
            if (b != null) {
                b.read(from, bias, 0, n);
            }
            for (int r = 0; r < rows; r++) {
                if (b != null) {
                    for (int j = 0; j < n; j++) {
                        sums[r * n + j] += bias[j];
                    }
                }
                y.write(r * out + from, sums, r * n, n);
            }
        }

        void panels() {
            if (b != null) {
                b.read(from, bias, 0, to - from);
                for (int r = 0; r < rows; r++) {
                    y.write(r * out + from, bias, 0, to - from);
                }
            }
            for (int column = from; column < to; column += PANEL) {
                int n = Math.min(PANEL, to - column);
                w.read(column, n, raw, tile, 0);
                panel.write(0, tile, 0, n * in);
                float beta = b == null ? 0f : 1f;
                Blas.nt(rows, n, in, 1f, x.at(0), in, panel.at(0), in, beta, y.at(column), out);
            }
        }
    }
}
