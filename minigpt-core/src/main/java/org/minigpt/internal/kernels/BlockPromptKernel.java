package org.minigpt.internal.kernels;

import org.minigpt.internal.parallel.Work;

/**
 * y = x·Wᵀ + b of the tokens of a prompt with W [out,in] in blocks, its parts columns of y: some rows of W at a time are made
 * floats in native memory, and OpenBLAS multiplies by them. Which rows go together does not depend on the parts.
 */
final class BlockPromptKernel implements Work {
    /** Rows of W that OpenBLAS gets at a time: with those of GPT-2's widest matrix they fit a second-level cache. */
    private static final int PANEL = 128;

    private final BlockMatrix w;
    private final Part[] parts;

    /** @param o with W in blocks */
    BlockPromptKernel(LinearOperands o, BlockMatrix w, int parts) {
        this.w = w;
        this.parts = new Part[parts];
        for (int i = 0; i < parts; i++) {
            int from = Work.cutUp(o.out(), i, parts, PANEL);
            this.parts[i] = new Part(o.alias(), from, Work.cutUp(o.out(), i + 1, parts, PANEL));
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

    /** Columns of y, from {@code from} up to {@code to}. */
    private final class Part {
        private final LinearOperands o;
        private final int from;
        private final int to;
        private final byte[] raw = new byte[PANEL * w.rowBytes()];
        private final float[] tile; // rows of W [PANEL,in]
        private final float[] bias;
        private final Floats panel; // [PANEL,in]

        Part(LinearOperands o, int from, int to) {
            this.o = o;
            this.from = from;
            this.to = to;
            this.tile = new float[PANEL * o.in()];
            this.bias = o.b() == null ? null : new float[to - from];
            this.panel = Floats.allocate(PANEL * o.in());
        }

        void run() {
            int in = o.in();
            int out = o.out();
            if (bias != null) {
                o.setToBias(from, bias);
            }
            float beta = bias == null ? 0f : 1f;
            for (int column = from; column < to; column += PANEL) {
                int n = Math.min(PANEL, to - column);
                w.read(column, n, raw, tile, 0);
                panel.write(0, tile, 0, n * in);
                Blas.nt(o.rows(), n, in, 1f, o.x().at(0), in, panel.at(0), in, beta, o.y().at(column), out);
            }
        }
    }
}
