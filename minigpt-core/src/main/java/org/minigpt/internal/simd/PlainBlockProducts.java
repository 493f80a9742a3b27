package org.minigpt.internal.simd;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/** {@link BlockProducts} in plain Java, which needs a processor with fused multiplication to be fast. */
class PlainBlockProducts implements BlockProducts {

    @Override
    public void decode(BlockType type, byte[] w, int at, int n, float[] out, int outAt) {
        type.decode(ByteBuffer.wrap(w).order(ByteOrder.LITTLE_ENDIAN), at, n, out, outAt);
    }

    @Override
    public void fourDots(BlockType type, int in, float[] x, byte[] w, float[] y, int yAt) {
        float[] floats = new float[ROWS * in];
        decode(type, w, 0, ROWS * in, floats, 0);
        dots(1, in, x, ROWS, floats, y, yAt, 0);
    }

    @Override
    public void dots(int rows, int width, float[] x, int n, float[] w, float[] y, int yAt, int yRow) {
        float[] sums = new float[SUMS];
        for (int r = 0; r < rows; r++) {
            for (int j = 0; j < n; j++) {
                y[yAt + r * yRow + j] = dot(width, x, r * width, w, j * width, sums);
            }
        }
    }

    private static float dot(int width, float[] x, int xAt, float[] w, int wAt, float[] sums) {
        Arrays.fill(sums, 0f);
        for (int k = 0; k < width; k += SUMS) {
            for (int l = 0; l < SUMS; l++) {
                sums[l] = Math.fma(x[xAt + k + l], w[wAt + k + l], sums[l]);
            }
        }
        for (int half = SUMS / 2; half > 0; half /= 2) {
            for (int l = 0; l < half; l++) {
                sums[l] += sums[l + half];
            }
        }
        return sums[0];
    }
}
