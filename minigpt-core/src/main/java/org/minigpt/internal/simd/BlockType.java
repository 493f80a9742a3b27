package org.minigpt.internal.simd;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * How weights that take fewer bytes than floats lie in memory and in GGUF files, little-endian. Values of Q8_0 and Q4_0 lie in
 * blocks of 32 with a scale d, an F16: d·q with q from -127 to 127, and d·(q - 8) with q from 0 to 15, of which byte j has
 * those of values j and j + 16. Rounding is that of ggml's reference. As a float each value is exact.
 */
public enum BlockType {
    /** IEEE 754's half precision. */
    F16(1, 2),
    /** The upper half of a float. */
    BF16(1, 2),
    /** The scale, then 32 bytes. */
    Q8_0(32, 34),
    /** The scale, then 16 bytes. */
    Q4_0(32, 18);

    private final int size;
    private final int bytes;

    BlockType(int size, int bytes) {
        this.size = size;
        this.bytes = bytes;
    }

    /** @return the values of a block */
    public int size() {
        return size;
    }

    /** @return the bytes of a block */
    public int bytes() {
        return bytes;
    }

    /** @return the bytes of n values, a multiple of {@link #size} */
    public long bytes(long n) {
        return n / size * bytes;
    }

    /** Rounds x[at..at+n) to blocks from {@code out[outAt]} on; n is a multiple of {@link #size}. */
    public void encode(float[] x, int at, int n, byte[] out, int outAt) {
        ByteBuffer blocks = ByteBuffer.wrap(out).order(ByteOrder.LITTLE_ENDIAN).position(outAt);
        for (int i = at; i < at + n; i += size) {
            switch (this) {
                case F16 -> blocks.putShort(HalfFloats.toHalf(x[i]));
                case BF16 -> blocks.putShort(HalfFloats.toBfloat(x[i]));
                case Q8_0 -> encodeBytes(x, i, blocks);
                case Q4_0 -> encodeNibbles(x, i, blocks);
            }
        }
    }

    private static void encodeBytes(float[] x, int at, ByteBuffer out) {
        float largest = 0;
        for (int j = 0; j < 32; j++) {
            largest = Math.max(largest, Math.abs(x[at + j]));
        }
        float d = largest / 127;
        float inverse = d == 0 ? 0 : 1 / d;
        out.putShort(HalfFloats.toHalf(d));
        for (int j = 0; j < 32; j++) {
            float q = x[at + j] * inverse;
            // As C's roundf: halves go away from zero.
            out.put((byte) (q < 0 ? -(int) (0.5 - q) : (int) (0.5 + q)));
        }
    }

    private static void encodeNibbles(float[] x, int at, ByteBuffer out) {
        float largest = 0; // with its sign, the first of two
        for (int j = 0; j < 32; j++) {
            if (Math.abs(x[at + j]) > Math.abs(largest)) {
                largest = x[at + j];
            }
        }
        float d = largest / -8;
        float inverse = d == 0 ? 0 : 1 / d;
        out.putShort(HalfFloats.toHalf(d));
        for (int j = 0; j < 16; j++) {
            int low = Math.min(15, (int) (x[at + j] * inverse + 8.5f));
            int high = Math.min(15, (int) (x[at + j + 16] * inverse + 8.5f));
            out.put((byte) (low | high << 4));
        }
    }

    /** Sets out[outAt..outAt+n) to the values from the block that begins at a byte on; n is a multiple of {@link #size}. */
    public void decode(ByteBuffer in, int at, int n, float[] out, int outAt) {
        for (int i = 0; i < n / size; i++) {
            int block = at + i * bytes;
            int to = outAt + i * size;
            switch (this) {
                case F16 -> out[to] = HalfFloats.ofHalf(in.getShort(block));
                case BF16 -> out[to] = HalfFloats.ofBfloat(in.getShort(block));
                case Q8_0 -> {
                    float d = HalfFloats.ofHalf(in.getShort(block));
                    for (int j = 0; j < 32; j++) {
                        out[to + j] = d * in.get(block + 2 + j);
                    }
                }
                case Q4_0 -> {
                    float d = HalfFloats.ofHalf(in.getShort(block));
                    for (int j = 0; j < 16; j++) {
                        int pair = in.get(block + 2 + j);
                        out[to + j] = d * ((pair & 15) - 8);
                        out[to + j + 16] = d * ((pair >>> 4 & 15) - 8);
                    }
                }
            }
        }
    }
}
