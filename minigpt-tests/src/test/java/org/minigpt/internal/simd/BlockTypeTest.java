package org.minigpt.internal.simd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Blocks by hand, as ggml's reference rounds them. */
class BlockTypeTest {

    private static byte[] encode(BlockType type, float... x) {
        byte[] out = new byte[1 + (int) type.bytes(x.length)];
        out[0] = 99;
        type.encode(x, 0, x.length, out, 1);
        assertEquals(99, out[0]);
        return out;
    }

    private static float[] decode(BlockType type, byte[] in, int n) {
        float[] out = new float[n + 1];
        type.decode(ByteBuffer.wrap(in).order(ByteOrder.LITTLE_ENDIAN), 1, n, out, 1);
        assertEquals(0, out[0]);
        return Arrays.copyOfRange(out, 1, n + 1);
    }

    @Test
    void halvesByHand() {
        // 1 is 0x3c00, -2 is 0xc000 as F16; 0x3f80 and 0xc000 as BF16: the lower byte comes first.
        assertArrayEquals(new byte[] {99, 0, 0x3c, 0, (byte) 0xc0}, encode(BlockType.F16, 1, -2));
        assertArrayEquals(new byte[] {99, (byte) 0x80, 0x3f, 0, (byte) 0xc0}, encode(BlockType.BF16, 1, -2));
        assertArrayEquals(new float[] {1, -2}, decode(BlockType.F16, encode(BlockType.F16, 1, -2), 2));
        assertArrayEquals(new float[] {1, -2}, decode(BlockType.BF16, encode(BlockType.BF16, 1, -2), 2));
    }

    /** The largest is 63.5, so d = 63.5/127 = 0.5, which is 0x3800, and a value v becomes v·2, halves away from zero. */
    @Test
    void bytesByHand() {
        float[] x = new float[32];
        x[0] = 63.5f; // 127
        x[1] = -63.5f; // -127
        x[2] = 1.25f; // 2.5, so 3
        x[3] = -1.25f; // -2.5, so -3
        x[4] = 0.24f; // 0.48, so 0
        x[31] = 0.5f; // 1

        byte[] blocks = encode(BlockType.Q8_0, x);

        assertEquals(35, blocks.length);
        assertArrayEquals(new byte[] {99, 0, 0x38, 127, -127, 3, -3, 0}, Arrays.copyOf(blocks, 8));
        assertEquals(1, blocks[34]);
        float[] back = decode(BlockType.Q8_0, blocks, 32);
        // 127·0.5, -127·0.5, 3·0.5, -3·0.5, 0
        assertArrayEquals(new float[] {63.5f, -63.5f, 1.5f, -1.5f, 0}, Arrays.copyOf(back, 5));
        assertEquals(0.5f, back[31]);
    }

    /** The largest by size is -4, so d = -4/-8 = 0.5, and v becomes the whole part of v/0.5 + 8.5, at most 15. */
    @Test
    void nibblesByHand() {
        float[] x = new float[32];
        x[0] = -4; // -8 + 8.5 = 0.5, so 0
        x[1] = 4; // 8 + 8.5 = 16.5, so 15
        x[2] = 0.2f; // 0.4 + 8.5 = 8.9, so 8
        x[16] = 0.3f; // 0.6 + 8.5 = 9.1, so 9: the upper half of x[0]'s byte
        x[18] = -1; // -2 + 8.5 = 6.5, so 6

        byte[] blocks = encode(BlockType.Q4_0, x);

        assertEquals(19, blocks.length);
        // 0 | 9 << 4, 15 | 8 << 4, 8 | 6 << 4
        assertArrayEquals(
                new byte[] {99, 0, 0x38, (byte) 0x90, (byte) 0x8f, 0x68, (byte) 0x88}, Arrays.copyOf(blocks, 7));
        float[] back = decode(BlockType.Q4_0, blocks, 32);
        // (0 - 8)·0.5, (15 - 8)·0.5, 0; (9 - 8)·0.5, 0, (6 - 8)·0.5
        assertArrayEquals(new float[] {-4, 3.5f, 0}, Arrays.copyOf(back, 3));
        assertArrayEquals(new float[] {0.5f, 0, -1}, Arrays.copyOfRange(back, 16, 19));
    }

    /** ggml's d is 0/-8 = -0 there. */
    @Test
    void zeros() {
        assertEquals((byte) 0x80, encode(BlockType.Q4_0, new float[32])[2]);
        assertEquals((byte) 0x88, encode(BlockType.Q4_0, new float[32])[3]);
        assertArrayEquals(new byte[35 - 1], Arrays.copyOfRange(encode(BlockType.Q8_0, new float[32]), 1, 35));
    }

    /** What has been rounded once is not rounded again, so that a file opens and is written without loss. */
    @ParameterizedTest
    @EnumSource(BlockType.class)
    void whatIsRoundedStays(BlockType type) {
        Random random = new Random(3);
        float[] x = ProductsTest.normal(random, 32 * 200);
        byte[] once = encode(type, x);
        float[] rounded = decode(type, once, x.length);
        assertArrayEquals(once, encode(type, rounded));
        // Half of the least step of a value, whose scale is rounded to 11 bits as well.
        double step = type == BlockType.Q4_0 ? 1 / 8.0 : type == BlockType.Q8_0 ? 1 / 254.0 : 0x1p-8;
        for (int block = 0; block < x.length; block += 32) {
            double largest = 0;
            for (int j = 0; j < 32; j++) {
                largest = Math.max(largest, Math.abs(x[block + j]));
            }
            for (int j = 0; j < 32; j++) {
                assertEquals(x[block + j], rounded[block + j], (step + 0x1p-11) * largest);
            }
        }
    }
}
