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
    public void dots(int rows, int width, float[] x, int n, float[] w, float[] y, int yAt, int yRow) {
        float[] sums = new float[SUMS];
        for (int r = 0; r < rows; r++) {
            for (int j = 0; j < n; j++) {
                Arrays.fill(sums, 0f);
                y[yAt + r * yRow + j] = PlainDotProducts.dot(x, r * width, w, j * width, 0, width, sums);
            }
        }
    }
}
