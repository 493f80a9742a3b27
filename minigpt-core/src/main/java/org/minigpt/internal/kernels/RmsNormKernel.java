package org.minigpt.internal.kernels;

import org.minigpt.internal.simd.Simd;

/**
 * RMSNorm over the last axis (Zhang and Sennrich 2019, arXiv:1910.07467): y = x/√(E[x²] + eps)·gain, with x and y [rows,C]
 * and gain [C].
 */
public final class RmsNormKernel {
    private final int rows;
    private final int c;
    private final float eps;
    private final int tileRows;
    private final float[] tile;
    private final float[] gainTile;

    /**
     * @param rows B·T
     * @param c the width of a row
     * @param eps added to the mean square
     */
    public RmsNormKernel(int rows, int c, float eps) {
        this.rows = rows;
        this.c = c;
        this.eps = eps;
        this.tileRows = Tiles.rows(rows, c);
        this.tile = new float[tileRows * c];
        this.gainTile = new float[c];
    }

    /** Computes y [rows,C]. */
    public void forward(Floats x, Floats gain, Floats y) {
        gain.read(0, gainTile, 0, c);
        for (int row = 0; row < rows; row += tileRows) {
            int n = Math.min(tileRows, rows - row);
            x.read(row * c, tile, 0, n * c);
            Simd.MATH.rmsNorm(tile, n, c, eps, gainTile);
            y.write(row * c, tile, 0, n * c);
        }
    }

    /** Computes dx [rows,C] and dGain [C]. */
    public void backward(Floats x, Floats gain, Floats dy, Floats dx, Floats dGain) {
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
