package org.minigpt.internal.tensors;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

/** Blocks that are read only, by hand. 0x3c00 is 1 as F16, 0x4000 is 2, 0x3800 is 0.5. */
class GgmlBlocksTest {
    private static final int AT = 3; // other bytes before the block

    private final ByteBuffer in = ByteBuffer.allocate(300).order(ByteOrder.LITTLE_ENDIAN);

    private void set(int at, int value) {
        in.put(AT + at, (byte) value);
    }

    private void half(int at, int bits) {
        in.putShort(AT + at, (short) bits);
    }

    private float value(Dtype type, int i) {
        float[] out = new float[2 + type.blockSize()];
        GgmlBlocks.decode(type, in, AT, out, 1);
        assertEquals(0, out[0] + out[out.length - 1]);
        return out[1 + i];
    }

    @Test
    void q41() {
        half(0, 0x3800);
        half(2, 0x4000);
        set(4, 0x73);
        assertEquals(0.5f * 3 + 2, value(Dtype.Q4_1, 0));
        assertEquals(0.5f * 7 + 2, value(Dtype.Q4_1, 16));
        assertEquals(2, value(Dtype.Q4_1, 31));
    }

    @Test
    void q50() {
        half(0, 0x3800);
        set(2, 0b10); // the fifth bit of value 1
        set(5, 0x80); // and of value 31
        set(6 + 1, 0x04);
        set(6 + 15, 0x90);
        assertEquals(0.5f * (16 + 4 - 16), value(Dtype.Q5_0, 1));
        assertEquals(0.5f * (16 + 9 - 16), value(Dtype.Q5_0, 31));
        assertEquals(0.5f * -16, value(Dtype.Q5_0, 0));
    }

    @Test
    void q51() {
        half(0, 0x3800);
        half(2, 0x3c00);
        set(4, 0b10);
        set(8 + 1, 0x54);
        assertEquals(0.5f * (16 + 4) + 1, value(Dtype.Q5_1, 1));
        assertEquals(0.5f * 5 + 1, value(Dtype.Q5_1, 17));
    }

    /** Value 170 is of part 10 and, in the upper half, of the bits 2 and 3 of byte 32 + 10. */
    @Test
    void q2k() {
        half(80, 0x3800);
        half(82, 0x4000);
        set(0, 0x13); // part 0: scale 3, minimum 1
        set(10, 0x25); // part 10: scale 5, minimum 2
        set(16, 0b11);
        set(16 + 32 + 10, 0b1000);
        assertEquals(0.5f * 3 * 3 - 2 * 1, value(Dtype.Q2_K, 0));
        assertEquals(0.5f * 5 * 2 - 2 * 2, value(Dtype.Q2_K, 170));
    }

    /** Part 10's scale: the upper half of byte 2, and the bits 4 and 5 of byte 8 + 2 above it. */
    @Test
    void q3k() {
        half(108, 0x3800);
        set(96 + 2, 0x70);
        set(104 + 2, 0b10_0000); // 2 · 16 + 7 - 32 = 7
        set(32 + 32 + 10, 0b1000); // 2
        assertEquals(0.5f * 7 * (2 - 4), value(Dtype.Q3_K, 170));
        set(10, 1 << 5); // its third bit, which says not to subtract 4
        assertEquals(0.5f * 7 * 2, value(Dtype.Q3_K, 170));
        // Part 0 has the scale 0 - 32, and value 0 is 0 - 4.
        assertEquals(0.5f * -32 * -4, value(Dtype.Q3_K, 0));
    }

    /** Part 1: bytes 1 and 5. Part 6: byte 10 with scale and minimum, above them the upper bits of bytes 2 and 6. */
    @Test
    void q4k() {
        half(0, 0x3800);
        half(2, 0x4000);
        set(4 + 1, 9);
        set(4 + 5, 3);
        set(4 + 10, 0x42);
        set(4 + 2, 0b0100_0000); // scale 1 · 16 + 2 = 18
        set(4 + 6, 0b1000_0000); // minimum 2 · 16 + 4 = 36
        set(16 + 7, 0xb0); // value 32 + 7
        set(16 + 3 * 32 + 5, 0x0d); // value 192 + 5
        assertEquals(0.5f * 9 * 11 - 2 * 3, value(Dtype.Q4_K, 39));
        assertEquals(0.5f * 18 * 13 - 2 * 36, value(Dtype.Q4_K, 197));
    }

    /** As Q4_K, with bit 6 of byte 5 above the four of value 197. */
    @Test
    void q5k() {
        half(0, 0x3800);
        half(2, 0x4000);
        set(4 + 10, 0x42);
        set(16 + 5, 1 << 6);
        set(48 + 3 * 32 + 5, 0x0d);
        assertEquals(0.5f * 2 * (16 + 13) - 2 * 4, value(Dtype.Q5_K, 197));
    }

    /** Value 128 + 64 + 7 is the upper half of byte 64 + 7, with bits 4 and 5 of byte 32 + 7, of part 12. */
    @Test
    void q6k() {
        half(208, 0x3800);
        set(192 + 12, -3);
        set(64 + 7, 0x50);
        set(128 + 32 + 7, 0b11_0000); // 3 · 16 + 5 - 32 = 21
        assertEquals(0.5f * -3 * 21, value(Dtype.Q6_K, 199));
        assertEquals(0, value(Dtype.Q6_K, 0), 0);
    }
}
