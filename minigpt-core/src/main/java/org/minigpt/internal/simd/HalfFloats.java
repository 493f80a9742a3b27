package org.minigpt.internal.simd;

/** The 16-bit floating-point types: F16 of IEEE 754, and BF16, the upper half of a float. */
public final class HalfFloats {
    private HalfFloats() {}

    /** @return the exact value of an F16 */
    public static float ofHalf(short bits) {
        int sign = (bits & 0x8000) << 16;
        int exponent = bits >>> 10 & 0x1f;
        int mantissa = bits & 0x3ff;
        if (exponent == 0) { // 0 and subnormal: mantissa · 2^-24
            return Float.intBitsToFloat(sign | Float.floatToRawIntBits(mantissa * 0x1p-24f));
        }
        if (exponent == 31) { // infinite or NaN
            return Float.intBitsToFloat(sign | 0x7f800000 | mantissa << 13);
        }
        return Float.intBitsToFloat(sign | exponent + 112 << 23 | mantissa << 13);
    }

    /** @return the nearest F16, the even one of two; what is too large is infinite */
    public static short toHalf(float value) {
        int bits = Float.floatToRawIntBits(value);
        int sign = bits >>> 16 & 0x8000;
        int abs = bits & 0x7fffffff;
        int half;
        if (abs > 0x7f800000) {
            half = 0x7e00;
        } else if (abs >= 0x477ff000) { // 65520, half-way from the largest to what would follow
            half = 0x7c00;
        } else if (abs < 0x38800000) { // 2^-14, the smallest normal number
            half = (int) Math.rint(Float.intBitsToFloat(abs) * 0x1p24);
        } else {
            half = abs - 0x38000000 + 0xfff + (abs >>> 13 & 1) >>> 13;
        }
        return (short) (sign | half);
    }

    /** @return the exact value of a BF16 */
    public static float ofBfloat(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }

    /** @return the nearest BF16, the even one of two */
    public static short toBfloat(float value) {
        int bits = Float.floatToRawIntBits(value);
        return Float.isNaN(value) ? (short) (bits >>> 16 | 0x40) : (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
    }
}
