package org.minigpt.internal.kernels;

import org.minigpt.internal.simd.Simd;

/**
 * LayerNorm over the last axis (Ba et al., arXiv:1607.06450): y = (x - E[x])/√(Var[x] + eps)·gain + bias, with x and y
 * [rows,C], gain and bias [C]. The bias may be absent.
 */
public final class LayerNormKernel implements Runnable {
    private final int rows;
    private final int c;
    private final float eps;
    private final Floats x;
    private final Floats gain;
    private final Floats bias;
    private final Floats y;
    private final int tileRows;
    private final float[] tile;
    private final float[] gainTile;
    private final float[] biasTile;

    /**
     * @param rows B·T
     * @param c the width of a row
     * @param eps added to the variance
     * @param bias null for none
     */
    public LayerNormKernel(int rows, int c, float eps, Floats x, Floats gain, Floats bias, Floats y) {
        this.rows = rows;
        this.c = c;
        this.eps = eps;
        this.x = x;
        this.gain = gain;
        this.bias = bias;
        this.y = y;
        this.tileRows = Tiles.rows(rows, c);
        this.tile = new float[tileRows * c];
        this.gainTile = new float[c];
        this.biasTile = bias == null ? null : new float[c];
    }

    /** Computes y. */
    @Override
    public void run() {
        gain.read(0, gainTile, 0, c);
        if (bias != null) {
            bias.read(0, biasTile, 0, c);
        }
        for (int row = 0; row < rows; row += tileRows) {
            int n = Math.min(tileRows, rows - row);
            x.read(row * c, tile, 0, n * c);
            Simd.MATH.layerNorm(tile, n, c, eps, gainTile, biasTile);
            y.write(row * c, tile, 0, n * c);
        }
    }

    /** x, gain and dy [rows,C] to dx [rows,C], dGain [C] and, unless it is null, dBias [C]. */
    public static final class Gradient implements Runnable {
        private final int rows;
        private final int c;
        private final float eps;
        private final Floats x;
        private final Floats gain;
        private final Floats dy;
        private final Floats dx;
        private final Floats dGain;
        private final Floats dBias;
        private final int tileRows;
        private final float[] tile;
        private final float[] gainTile;
        private final float[] rowTile;

        /** @param dBias null for none */
        public Gradient(
                int rows, int c, float eps, Floats x, Floats gain, Floats dy, Floats dx, Floats dGain, Floats dBias) {
            this.rows = rows;
            this.c = c;
            this.eps = eps;
            this.x = x;
            this.gain = gain;
            this.dy = dy;
            this.dx = dx;
            this.dGain = dGain;
            this.dBias = dBias;
            this.tileRows = Tiles.rows(rows, c);
            this.tile = new float[tileRows * c];
            this.gainTile = new float[c];
            this.rowTile = new float[c];
        }

        @Override
        public void run() {
            gain.read(0, gainTile, 0, c);
            float[] dyTile = new float[tile.length];
            float[] dGainPart = new float[c];
            float[] dBiasPart = dBias == null ? null : new float[c];
            double[] dGainTotal = new double[c];
            double[] dBiasTotal = new double[c];
            for (int row = 0; row < rows; row += tileRows) {
                int n = Math.min(tileRows, rows - row);
                x.read(row * c, tile, 0, n * c);
                dy.read(row * c, dyTile, 0, n * c);
                Simd.MATH.layerNormGradient(tile, dyTile, n, c, eps, gainTile, dGainPart, dBiasPart);
                dx.write(row * c, tile, 0, n * c);
                Tiles.drain(dGainPart, dGainTotal, c);
                if (dBias != null) {
                    Tiles.drain(dBiasPart, dBiasTotal, c);
                }
            }
            Tiles.write(dGainTotal, rowTile, dGain);
            if (dBias != null) {
                Tiles.write(dBiasTotal, rowTile, dBias);
            }
        }
    }
}
