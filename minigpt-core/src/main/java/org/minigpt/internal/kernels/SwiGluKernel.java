package org.minigpt.internal.kernels;

import org.minigpt.internal.simd.Simd;

/**
 * The gate of a SwiGLU feed-forward (Shazeer 2020, arXiv:2002.05202): a row of x [rows,2I] holds I gates g and then I
 * values u, a row of y [rows,I] is g·σ(g)·u.
 */
public final class SwiGluKernel implements Runnable {
    private final int rows;
    private final int n;
    private final Floats x;
    private final Floats y;
    private final int tileRows;
    private final float[] tile; // [tileRows,2I]
    private final float[] half; // [tileRows,I]

    /**
     * @param rows B·T
     * @param n I, half the width of a row of x
     */
    public SwiGluKernel(int rows, int n, Floats x, Floats y) {
        this.rows = rows;
        this.n = n;
        this.x = x;
        this.y = y;
        this.tileRows = Tiles.rows(rows, 2 * n);
        this.tile = new float[tileRows * 2 * n];
        this.half = new float[tileRows * n];
    }

    /** Computes y. */
    @Override
    public void run() {
        for (int row = 0; row < rows; row += tileRows) {
            int count = Math.min(tileRows, rows - row);
            x.read(row * 2 * n, tile, 0, count * 2 * n);
            for (int i = 0; i < count; i++) {
                Simd.MATH.swiGlu(tile, i * 2 * n, n, half, i * n);
            }
            y.write(row * n, half, 0, count * n);
        }
    }

    /** x and dy [rows,I] to dx [rows,2I], which may be x itself. */
    public static final class Gradient implements Runnable {
        private final int rows;
        private final int n;
        private final Floats x;
        private final Floats dy;
        private final Floats dx;
        private final int tileRows;
        private final float[] tile; // [tileRows,2I]
        private final float[] half; // [tileRows,I]

        public Gradient(int rows, int n, Floats x, Floats dy, Floats dx) {
            this.rows = rows;
            this.n = n;
            this.x = x;
            this.dy = dy;
            this.dx = dx;
            this.tileRows = Tiles.rows(rows, 2 * n);
            this.tile = new float[tileRows * 2 * n];
            this.half = new float[tileRows * n];
        }

        @Override
        public void run() {
            for (int row = 0; row < rows; row += tileRows) {
                int count = Math.min(tileRows, rows - row);
                x.read(row * 2 * n, tile, 0, count * 2 * n);
                dy.read(row * n, half, 0, count * n);
                for (int i = 0; i < count; i++) {
                    Simd.MATH.swiGluGradient(tile, i * 2 * n, n, half, i * n);
                }
                dx.write(row * 2 * n, tile, 0, count * 2 * n);
            }
        }
    }
}
