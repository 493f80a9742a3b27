package org.minigpt.internal.simd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class HalfFloatsTest {
    /** Sign, 5 bits of exponent (bias 15), 10 of mantissa: 0x3c00 is 1, 0x0001 is 2^-24, 0x7bff is (2 - 2^-10)·2^15. */
    @Test
    void halves() {
        assertEquals(1f, HalfFloats.ofHalf((short) 0x3c00));
        assertEquals(-2f, HalfFloats.ofHalf((short) 0xc000));
        assertEquals(65504f, HalfFloats.ofHalf((short) 0x7bff));
        assertEquals(0x1p-24f, HalfFloats.ofHalf((short) 1));
        assertEquals(Float.POSITIVE_INFINITY, HalfFloats.ofHalf((short) 0x7c00));
        assertTrue(Float.isNaN(HalfFloats.ofHalf((short) 0x7e00)));
    }

    @Test
    void everyHalfComesBack() {
        for (int bits = 0; bits < 1 << 16; bits++) {
            float value = HalfFloats.ofHalf((short) bits);
            if (!Float.isNaN(value)) {
                assertEquals((short) bits, HalfFloats.toHalf(value));
            }
        }
    }

    /**
     * The nearest, the even one of two: 1 + 2^-11 is half-way from 1 to the next, 1 + 3·2^-11 from that to 1 + 2^-9.
     */
    @Test
    void halvesAreRounded() {
        assertEquals((short) 0x3c00, HalfFloats.toHalf(1 + 0x1p-11f));
        assertEquals((short) 0x3c02, HalfFloats.toHalf(1 + 3 * 0x1p-11f));
        assertEquals((short) 0x3c01, HalfFloats.toHalf(1 + 0x1p-11f + 0x1p-20f));
        assertEquals((short) 0x7bff, HalfFloats.toHalf(65519.99f));
        assertEquals((short) 0x7c00, HalfFloats.toHalf(65520));
        assertEquals((short) 0, HalfFloats.toHalf(0x1p-25f));
        assertEquals((short) 1, HalfFloats.toHalf(0x1.8p-25f));
        assertEquals((short) 0x7e00, HalfFloats.toHalf(Float.NaN));
    }

    /** BF16 is the upper half of a float: 1 is 0x3f80, and half-way to the next is 1 + 2^-8. */
    @Test
    void bfloats() {
        assertEquals(1f, HalfFloats.ofBfloat((short) 0x3f80));
        assertEquals((short) 0x3f80, HalfFloats.toBfloat(1 + 0x1p-8f));
        assertEquals((short) 0x3f82, HalfFloats.toBfloat(1 + 3 * 0x1p-8f));
        assertEquals((short) 0x7f80, HalfFloats.toBfloat(Float.MAX_VALUE));
        assertTrue(Float.isNaN(HalfFloats.ofBfloat(HalfFloats.toBfloat(Float.intBitsToFloat(0x7f800001)))));
    }
}
