package org.minigpt.internal.kernels;

/** How a matrix is cut into tiles of whole rows. */
final class Tiles {
    /** Floats a tile: two tiles fit the first-level cache. */
    private static final int TILE = 4096;

    private Tiles() {}

    /** @return the rows of a tile of rows of {@code c} entries: at least one, at most {@code rows} */
    static int rows(int rows, int c) {
        return Math.max(1, Math.min(rows, TILE / c));
    }

    /** @return the next multiple of {@code unit}, or {@code n} if it is one */
    static int roundUp(int n, int unit) {
        return (n + unit - 1) / unit * unit;
    }

    /** Adds the first {@code n} entries of {@code part} to {@code total} and clears them. */
    static void drain(float[] part, double[] total, int n) {
        for (int j = 0; j < n; j++) {
            total[j] += part[j];
            part[j] = 0f;
        }
    }

    /** Writes {@code total}, rounded to float, to {@code target}, through {@code tile}. */
    static void write(double[] total, float[] tile, Floats target) {
        for (int j = 0; j < total.length; j++) {
            tile[j] = (float) total[j];
        }
        target.write(0, tile, 0, total.length);
    }
}
