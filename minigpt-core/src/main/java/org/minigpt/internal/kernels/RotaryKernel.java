package org.minigpt.internal.kernels;

import org.minigpt.internal.simd.Simd;

/**
 * Rotary positions (Su et al. 2021, arXiv:2104.09864): in each head of the queries and keys of qkv, entry j and entry j
 * + D/2, j &lt; D/2, are turned as a point of the plane by the angle position·frequency[j], "half-split" as in Hugging
 * Face's Llama and GPT-NeoX; the frequencies are θ^(-2j/D) there. (The paper and GPT-J pair 2j with 2j+1: the same with the columns of the weight in another
 * order.)
 */
public final class RotaryKernel implements Runnable {
    private final int rows;
    private final AttentionShape shape;
    private final Angles angles;
    private final Floats qkv;
    private final int[] past;
    private final Floats y;
    private final float[] tile;
    private final int tileRows;

    /**
     * Cosines and sines [positions,D/2] of the angles, which the layers of a decoder share: of a context of 40,960 tokens they
     * are some 20 MB.
     */
    public static final class Angles {
        private final int positions;
        private final float[] cos;
        private final float[] sin;

        /**
         * @param frequencies [D/2], the angle of each pair at position 1
         * @param positions how many there are; those beyond count as the last
         * @param back whether to turn the other way, which is the gradient: a rotation's transpose is its inverse
         */
        public Angles(double[] frequencies, int positions, boolean back) {
            int half = frequencies.length;
            this.positions = positions;
            this.cos = new float[Math.multiplyExact(positions, half)];
            this.sin = new float[cos.length];
            for (int i = 0; i < cos.length; i++) {
                double angle = i / half * frequencies[i % half];
                cos[i] = (float) Math.cos(angle);
                sin[i] = (float) (back ? -Math.sin(angle) : Math.sin(angle));
            }
        }
    }

    /**
     * @param shape of qkv [B,T,(H+2·K)·D], with an even D
     * @param past [B], the first position of each sequence, or [B,T], that of each token, read anew at each run; null
     *     for 0
     * @param y of the shape of qkv, which may be qkv itself
     */
    public RotaryKernel(AttentionShape shape, Angles angles, Floats qkv, int[] past, Floats y) {
        this.rows = qkv.length() / shape.width();
        this.shape = shape;
        this.angles = angles;
        this.qkv = qkv;
        this.past = past == null ? new int[rows / shape.t()] : past;
        this.y = y;
        this.tileRows = Tiles.rows(rows, shape.width());
        this.tile = new float[tileRows * shape.width()];
    }

    /** Computes y. */
    @Override
    public void run() {
        int width = shape.width();
        int half = shape.d() / 2;
        int rotated = (shape.heads() + shape.kvHeads()) * shape.d();
        int each = past.length == rows ? 1 : shape.t(); // tokens for which there is one entry of past
        for (int row = 0; row < rows; row += tileRows) {
            int n = Math.min(tileRows, rows - row);
            qkv.read(row * width, tile, 0, n * width);
            for (int i = 0; i < n; i++) {
                int position = past[(row + i) / each] + (row + i) % each;
                int angle = Math.min(position, angles.positions - 1) * half;
                for (int at = i * width; at < i * width + rotated; at += shape.d()) {
                    Simd.MATH.rotate(tile, at, half, angles.cos, angles.sin, angle);
                }
            }
            y.write(row * width, tile, 0, n * width);
        }
    }
}
