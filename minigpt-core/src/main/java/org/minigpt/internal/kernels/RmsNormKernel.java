package org.minigpt.internal.kernels;

import org.minigpt.internal.simd.Simd;

/**
 * RMSNorm (Zhang and Sennrich 2019, arXiv:1910.07467): y = x/√(E[x²] + eps)·gain over the groups of C entries that lie
 * side by side in each row of x, from an entry on; what is before and after them is left as it is. The usual norm has
 * one group, the row; that of queries or of keys has a group for each head.
 */
public final class RmsNormKernel implements Runnable {

    /**
     * Which entries of a row are normalised.
     *
     * @param rows B·T
     * @param width of a row
     * @param from where in it the first group begins
     * @param groups side by side
     * @param c C, the entries of each
     */
    public record Groups(int rows, int width, int from, int groups, int c) {

        private boolean whole() {
            return groups == 1 && c == width;
        }

        private int tileRows() {
            return Tiles.rows(rows, width);
        }

        /** Reads the groups of n rows into a tile [n·groups,c]. */
        private void read(Floats x, int row, int n, float[] tile) {
            if (whole()) {
                x.read(row * width, tile, 0, n * width);
                return;
            }
            for (int i = 0; i < n; i++) {
                x.read((row + i) * width + from, tile, i * groups * c, groups * c);
            }
        }

        private void write(Floats y, int row, int n, float[] tile) {
            if (whole()) {
                y.write(row * width, tile, 0, n * width);
                return;
            }
            for (int i = 0; i < n; i++) {
                y.write((row + i) * width + from, tile, i * groups * c, groups * c);
            }
        }

        /** Copies the entries that are in no group. */
        private void copyRest(Floats x, Floats y, int row, int n, float[] tile) {
            if (whole()) {
                return;
            }
            int after = from + groups * c;
            for (int i = row; i < row + n; i++) {
                x.read(i * width, tile, 0, from);
                y.write(i * width, tile, 0, from);
                x.read(i * width + after, tile, 0, width - after);
                y.write(i * width + after, tile, 0, width - after);
            }
        }
    }

    private final Groups at;
    private final float eps;
    private final Floats x;
    private final Floats gain;
    private final Floats y;
    private final float[] tile;
    private final float[] gainTile;

    /**
     * @param eps added to the mean square
     * @param x [rows,width]
     * @param gain [c]
     * @param y [rows,width], which may be x itself
     */
    public RmsNormKernel(Groups at, float eps, Floats x, Floats gain, Floats y) {
        this.at = at;
        this.eps = eps;
        this.x = x;
        this.gain = gain;
        this.y = y;
        this.tile = new float[at.tileRows() * at.width()];
        this.gainTile = new float[at.c()];
    }

    /** Computes y. */
    @Override
    public void run() {
        gain.read(0, gainTile, 0, at.c());
        for (int row = 0; row < at.rows(); row += at.tileRows()) {
            int n = Math.min(at.tileRows(), at.rows() - row);
            at.copyRest(x, y, row, n, tile);
            at.read(x, row, n, tile);
            Simd.MATH.rmsNorm(tile, n * at.groups(), at.c(), eps, gainTile);
            at.write(y, row, n, tile);
        }
    }

    /** x, gain and dy [rows,width] to dx [rows,width] and dGain [c]. */
    public static final class Gradient implements Runnable {
        private final Groups at;
        private final float eps;
        private final Floats x;
        private final Floats gain;
        private final Floats dy;
        private final Floats dx;
        private final Floats dGain;
        private final float[] tile;
        private final float[] gainTile;

        /** @param dx which may be dy itself */
        public Gradient(Groups at, float eps, Floats x, Floats gain, Floats dy, Floats dx, Floats dGain) {
            this.at = at;
            this.eps = eps;
            this.x = x;
            this.gain = gain;
            this.dy = dy;
            this.dx = dx;
            this.dGain = dGain;
            this.tile = new float[at.tileRows() * at.width()];
            this.gainTile = new float[at.c()];
        }

        @Override
        public void run() {
            int c = at.c();
            gain.read(0, gainTile, 0, c);
            float[] dyTile = new float[tile.length];
            float[] dGainPart = new float[c];
            double[] dGainTotal = new double[c];
            for (int row = 0; row < at.rows(); row += at.tileRows()) {
                int n = Math.min(at.tileRows(), at.rows() - row);
                at.copyRest(dy, dx, row, n, tile);
                at.read(x, row, n, tile);
                at.read(dy, row, n, dyTile);
                Simd.MATH.rmsNormGradient(tile, dyTile, n * at.groups(), c, eps, gainTile, dGainPart);
                at.write(dx, row, n, tile);
                Tiles.drain(dGainPart, dGainTotal, c);
            }
            Tiles.write(dGainTotal, dGainPart, dGain);
        }
    }
}
