package org.minigpt.internal.tensors;

import java.nio.ByteBuffer;
import org.minigpt.internal.simd.HalfFloats;

/**
 * The values of ggml's quantised blocks that are read only, never written or computed with, each a scale times a small whole
 * number, and more or less a minimum: those of 32 values (Q4_1, Q5_0, Q5_1) and those of 256 with 8 or 16 parts that have
 * scales of 4 to 8 bits (Q2_K to Q6_K).
 */
final class GgmlBlocks {
    private GgmlBlocks() {}

    /** Sets out[at..] to the values of a block. */
    static void decode(Dtype type, ByteBuffer in, int block, float[] out, int at) {
        switch (type) {
            case Q4_1 -> q41(in, block, out, at);
            case Q5_0 -> q5(in, block, half(in, block), 16, 0, block + 2, out, at);
            case Q5_1 -> q5(in, block, half(in, block), 0, half(in, block + 2), block + 4, out, at);
            case Q2_K -> q2k(in, block, out, at);
            case Q3_K -> q3k(in, block, out, at);
            case Q4_K -> q45k(in, block, 0, block + 16, out, at);
            case Q5_K -> q45k(in, block, block + 16, block + 48, out, at);
            case Q6_K -> q6k(in, block, out, at);
            default -> throw new IllegalArgumentException(type + " is none of these");
        }
    }

    private static float half(ByteBuffer in, int at) {
        return HalfFloats.ofHalf(in.getShort(at));
    }

    private static int bits(ByteBuffer in, int at, int shift, int mask) {
        return (in.get(at) & 0xff) >>> shift & mask;
    }

    private static void q41(ByteBuffer in, int block, float[] out, int at) {
        float d = half(in, block);
        float min = half(in, block + 2);
        for (int j = 0; j < 16; j++) {
            out[at + j] = d * bits(in, block + 4 + j, 0, 15) + min;
            out[at + j + 16] = d * bits(in, block + 4 + j, 4, 15) + min;
        }
    }

    /** Bit j of 32 is the fifth of value j. */
    private static void q5(ByteBuffer in, int block, float d, int zero, float min, int fifth, float[] out, int at) {
        for (int j = 0; j < 32; j++) {
            int low = bits(in, fifth + 4 + j % 16, j / 16 * 4, 15);
            int q = low | bits(in, fifth + j / 8, j % 8, 1) << 4;
            out[at + j] = d * (q - zero) + min;
        }
    }

    /** 16 bytes of scales and minima, 64 of values, d and the scale of minima. */
    private static void q2k(ByteBuffer in, int block, float[] out, int at) {
        float d = half(in, block + 80);
        float dMin = half(in, block + 82);
        for (int j = 0; j < 256; j++) {
            // 128 values take 32 bytes, each group of 32 two bits of all of them.
            int q = bits(in, block + 16 + j / 128 * 32 + j % 32, j % 128 / 32 * 2, 3);
            float scale = d * bits(in, block + j / 16, 0, 15);
            out[at + j] = scale * q - dMin * bits(in, block + j / 16, 4, 15);
        }
    }

    /** 32 bytes of third bits, 64 of the lower two, 12 of scales of 6 bits, and d. */
    private static void q3k(ByteBuffer in, int block, float[] out, int at) {
        float d = half(in, block + 108);
        for (int j = 0; j < 256; j++) {
            int part = j / 16;
            int low = bits(in, block + 96 + part % 8, part / 8 * 4, 15);
            int scale = (low | bits(in, block + 104 + part % 4, part / 4 * 2, 3) << 4) - 32;
            int q = bits(in, block + 32 + j / 128 * 32 + j % 32, j % 128 / 32 * 2, 3);
            q -= bits(in, block + j % 32, j / 32, 1) == 1 ? 0 : 4;
            out[at + j] = d * scale * q;
        }
    }

    /** d, the scale of minima, 12 bytes of scales and minima of 6 bits, of Q5_K 32 of fifth bits, 128 of lower ones. */
    private static void q45k(ByteBuffer in, int block, int fifth, int lower, float[] out, int at) {
        float d = half(in, block);
        float dMin = half(in, block + 2);
        for (int j = 0; j < 256; j++) {
            int part = j / 32;
            int q = bits(in, lower + j / 64 * 32 + j % 32, part % 2 * 4, 15);
            if (fifth > 0) {
                q |= bits(in, fifth + j % 32, part, 1) << 4;
            }
            float scale = d * sixBits(in, block + 4, part, 0);
            out[at + j] = scale * q - dMin * sixBits(in, block + 4, part, 4);
        }
    }

    /** The scales of parts 0 to 3 are the low six bits of as many bytes; those of 4 to 7 have their upper two above them. */
    private static int sixBits(ByteBuffer in, int scales, int part, int min) {
        if (part < 4) {
            return bits(in, scales + min + part, 0, 63);
        }
        return bits(in, scales + 4 + part, min, 15) | bits(in, scales + min + part - 4, 6, 3) << 4;
    }

    /** 128 bytes of lower four bits, 64 of upper two, 16 of scales, and d. */
    private static void q6k(ByteBuffer in, int block, float[] out, int at) {
        float d = half(in, block + 208);
        for (int j = 0; j < 256; j++) {
            int half = j / 128;
            int group = j % 128 / 32;
            int low = bits(in, block + half * 64 + group % 2 * 32 + j % 32, group / 2 * 4, 15);
            int q = (low | bits(in, block + 128 + half * 32 + j % 32, group * 2, 3) << 4) - 32;
            out[at + j] = d * in.get(block + 192 + j / 16) * q;
        }
    }
}
