package org.minigpt.internal.kernels;

import org.minigpt.internal.simd.Simd;

/**
 * LayerNorm over the last axis (Ba et al., arXiv:1607.06450): y = (x - E[x])/√(Var[x] + eps)·gain + bias, with x and y
 * [rows,C], gain and bias [C]. The bias may be absent.
 */
public final class LayerNormKernel {
    private final int rows;
    private final int c;
    private final float eps;
    private final int tileRows;
    private final float[] tile;
    private final float[] gainTile;
    private final float[] rowTile;

    /**
     * @param rows B·T
     * @param c the width of a row
     * @param eps added to the variance
     */
    public LayerNormKernel(int rows, int c, float eps) {
        this.rows = rows;
        this.c = c;
        this.eps = eps;
        this.tileRows = Tiles.rows(rows, c);
        this.tile = new float[tileRows * c];
        this.gainTile = new float[c];
        this.rowTile = new float[c];
    }

    /** Computes y [rows,C]; {@code bias} may be null. */
    public void forward(Floats x, Floats gain, Floats bias, Floats y) {
        gain.read(0, gainTile, 0, c);
        float[] biasTile = null;
        if (bias != null) {
            biasTile = rowTile;
            bias.read(0, biasTile, 0, c);
        }
        for (int row = 0; row < rows; row += tileRows) {
            int n = Math.min(tileRows, rows - row);
            x.read(row * c, tile, 0, n * c);
            Simd.MATH.layerNorm(tile, n, c, eps, gainTile, biasTile);
            y.write(row * c, tile, 0, n * c);
        }
    }

    /** Computes dx [rows,C], dGain [C] and, unless it is null, dBias [C]. */
    public void backward(Floats x, Floats gain, Floats dy, Floats dx, Floats dGain, Floats dBias) {
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
