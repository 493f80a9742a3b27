package org.minigpt.internal.kernels;

import org.minigpt.internal.simd.Simd;

/**
 * RMSNorm over the last axis (Zhang and Sennrich 2019, arXiv:1910.07467): y = x/√(E[x²] + eps)·gain, with x and y
 * [rows,C] and gain [C].
 */
public final class RmsNormKernel implements Runnable {
    private final int rows;
    private final int c;
    private final float eps;
    private final Floats x;
    private final Floats gain;
    private final Floats y;
    private final int tileRows;
    private final float[] tile;
    private final float[] gainTile;

    /**
     * @param rows B·T
     * @param c the width of a row
     * @param eps added to the mean square
     */
    public RmsNormKernel(int rows, int c, float eps, Floats x, Floats gain, Floats y) {
        this.rows = rows;
        this.c = c;
        this.eps = eps;
        this.x = x;
        this.gain = gain;
        this.y = y;
        this.tileRows = Tiles.rows(rows, c);
        this.tile = new float[tileRows * c];
        this.gainTile = new float[c];
    }

    /** Computes y. */
    @Override
    public void run() {
        gain.read(0, gainTile, 0, c);
        for (int row = 0; row < rows; row += tileRows) {
            int n = Math.min(tileRows, rows - row);
            x.read(row * c, tile, 0, n * c);
            Simd.MATH.rmsNorm(tile, n, c, eps, gainTile);
            y.write(row * c, tile, 0, n * c);
        }
    }

    /** x, gain and dy [rows,C] to dx [rows,C] and dGain [C]. */
    public static final class Gradient implements Runnable {
        private final int rows;
        private final int c;
        private final float eps;
        private final Floats x;
        private final Floats gain;
        private final Floats dy;
        private final Floats dx;
        private final Floats dGain;
        private final int tileRows;
        private final float[] tile;
        private final float[] gainTile;

        public Gradient(int rows, int c, float eps, Floats x, Floats gain, Floats dy, Floats dx, Floats dGain) {
            this.rows = rows;
            this.c = c;
            this.eps = eps;
            this.x = x;
            this.gain = gain;
            this.dy = dy;
            this.dx = dx;
            this.dGain = dGain;
            this.tileRows = Tiles.rows(rows, c);
            this.tile = new float[tileRows * c];
            this.gainTile = new float[c];
        }

        @Override
        public void run() {
            gain.read(0, gainTile, 0, c);
            float[] dyTile = new float[tile.length];
            float[] dGainPart = new float[c];
            double[] dGainTotal = new double[c];
            for (int row = 0; row < rows; row += tileRows) {
                int n = Math.min(tileRows, rows - row);
                x.read(row * c, tile, 0, n * c);
                dy.read(row * c, dyTile, 0, n * c);
                Simd.MATH.rmsNormGradient(tile, dyTile, n, c, eps, gainTile, dGainPart);
                dx.write(row * c, tile, 0, n * c);
                Tiles.drain(dGainPart, dGainTotal, c);
            }
            Tiles.write(dGainTotal, dGainPart, dGain);
        }
    }
}
