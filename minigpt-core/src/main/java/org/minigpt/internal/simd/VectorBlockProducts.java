package org.minigpt.internal.simd;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link BlockProducts} with vectors of 8 floats, whatever the machine's: one row of x needs no more to wait for memory. It
 * takes blocks as they come, two rows of W at a time, for which no float is stored; for more rows, four rows of W are made
 * floats in the first-level cache, where each is then used for all rows of x. Loops are small: of larger ones the JIT of
 * Java 17 leaves calls behind, with a vector an object each.
 */
final class VectorBlockProducts extends PlainBlockProducts {
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_256;
    private static final VectorSpecies<Integer> I = IntVector.SPECIES_256;
    private static final VectorSpecies<Byte> HALVES = ByteVector.SPECIES_128;
    private static final VectorSpecies<Byte> PAIRS = ByteVector.SPECIES_256;
    private static final VectorSpecies<Byte> BYTES = ByteVector.SPECIES_64;
    private static final int LANES = 8;

    private static final int Q8 = 34;
    private static final int Q4 = 18;

    /** A half's sign, and its exponent and mantissa, when its bits are moved by 13. */
    private static final int HALF = 0x8fffe000;

    /** The upper one of a pair of bfloats. */
    private static final int UPPER = 0xffff0000;

    /** Of the biases of a float's exponent and a half's. */
    private static final float BIAS = 0x1p112f;

    private static final VarHandle SHORT = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);

    /** @return halves or bfloats as they are, in the low bits; the sign fills the upper ones */
    private static IntVector shorts(byte[] w, int at) {
        return (IntVector)
                ByteVector.fromArray(HALVES, w, at).reinterpretAsShorts().convertShape(VectorOperators.S2I, I, 0);
    }

    /** @return halves or bfloats, two in each lane */
    private static IntVector pairs(byte[] w, int at) {
        return ByteVector.fromArray(PAIRS, w, at).reinterpretAsInts();
    }

    /**
     * What is subnormal as a half is so as a float first, and comes out right.
     *
     * @param moved halves whose mantissas have been moved to a float's place, with anything in the bits that they have not
     */
    private static FloatVector half(IntVector moved) {
        return moved.and(HALF).reinterpretAsFloats().mul(BIAS);
    }

    /** @return the upper one of a pair of halves, over 2^112 */
    private static FloatVector tiny(IntVector pairs) {
        return pairs.lanewise(VectorOperators.ASHR, 3).and(HALF).reinterpretAsFloats();
    }

    private static float scale(byte[] w, int at) {
        return Float.intBitsToFloat((short) SHORT.get(w, at) << 13 & HALF) * BIAS;
    }

    private static FloatVector floats(ByteVector q, float d) {
        return ((FloatVector) q.convertShape(VectorOperators.B2F, F, 0)).mul(d);
    }

    private static FloatVector bytes(byte[] w, int at, float d) {
        return floats(ByteVector.fromArray(BYTES, w, at), d);
    }

    /** @return of 8 bytes the values of their lower halves, q - 8 */
    private static FloatVector lower(ByteVector pairs, float d) {
        return floats(pairs.and((byte) 0x0f).sub((byte) 8), d);
    }

    /** @return of 8 bytes the values of their upper halves: 16·(q - 8) is what is left of a byte with another sign */
    private static FloatVector upper(ByteVector pairs, float d) {
        return floats(pairs.and((byte) 0xf0).lanewise(VectorOperators.XOR, (byte) 0x80), d / 16);
    }

    @Override
    public void decode(BlockType type, byte[] w, int at, int n, float[] out, int outAt) {
        int done = n / LANES * LANES;
        switch (type) {
            case F16 -> {
                for (int k = 0; k < done; k += LANES) {
                    half(shorts(w, at + 2 * k).lanewise(VectorOperators.LSHL, 13))
                            .intoArray(out, outAt + k);
                }
            }
            case BF16 -> {
                for (int k = 0; k < done; k += LANES) {
                    shorts(w, at + 2 * k)
                            .lanewise(VectorOperators.LSHL, 16)
                            .reinterpretAsFloats()
                            .intoArray(out, outAt + k);
                }
            }
            case Q8_0 -> {
                for (int block = 0; block < n / 32; block++) {
                    decodeBytes(w, at + block * Q8, out, outAt + block * 32);
                }
            }
            case Q4_0 -> {
                for (int block = 0; block < n / 32; block++) {
                    decodeNibbles(w, at + block * Q4, out, outAt + block * 32);
                }
            }
        }
        if (done < n) {
            super.decode(type, w, at + (int) type.bytes(done), n - done, out, outAt + done);
        }
    }

    private static void decodeBytes(byte[] w, int at, float[] out, int outAt) {
        float d = scale(w, at);
        for (int j = 0; j < 32; j += LANES) {
            bytes(w, at + 2 + j, d).intoArray(out, outAt + j);
        }
    }

    private static void decodeNibbles(byte[] w, int at, float[] out, int outAt) {
        float d = scale(w, at);
        for (int j = 0; j < 16; j += LANES) {
            ByteVector pairs = ByteVector.fromArray(BYTES, w, at + 2 + j);
            lower(pairs, d).intoArray(out, outAt + j);
            upper(pairs, d).intoArray(out, outAt + j + 16);
        }
    }

    @Override
    public void rowsDots(
            BlockType type,
            int rows,
            int in,
            float[] x,
            ByteBuffer w,
            int from,
            int to,
            byte[] raw,
            float[] scratch,
            float[] y,
            int yRow) {
        if (rows > 1 || in % SUMS > 0 || to - from < ROWS || type == BlockType.F16 && !canBeMoved(in, x)) {
            super.rowsDots(type, rows, in, x, w, from, to, raw, scratch, y, yRow);
            return;
        }
        int row = (int) type.bytes(in);
        float[] sums = new float[ROWS * SUMS];
        order(type, in, x, scratch);
        for (int next = from; next < to; next += ROWS) {
            int j = Math.min(next, to - ROWS); // the last four, of which some may come again
            w.get(j * row, raw, 0, ROWS * row);
            for (int i = 0; i < ROWS; i += 2) {
                switch (type) {
                    case F16 -> halfDots(in, scratch, raw, i * row, row, sums, i * SUMS);
                    case BF16 -> bfloatDots(in, scratch, raw, i * row, row, sums, i * SUMS);
                    case Q8_0 -> byteDots(in / 32, scratch, raw, i * row, row, sums, i * SUMS);
                    case Q4_0 -> nibbleDots(in / 32, scratch, raw, i * row, row, sums, i * SUMS);
                }
            }
            if (type.size() > 1) {
                VectorDotProducts.finish(sums, 1, ROWS, y, j - from, 0, 1);
            } else {
                for (int i = 0; i < ROWS; i++) {
                    y[j - from + i] = sumOfEight(sums, i * SUMS) + sumOfEight(sums, i * SUMS + LANES);
                }
            }
        }
    }

    /** @return whether all of x may be multiplied by 2^112 instead of each half, which is exact unless it overflows */
    private static boolean canBeMoved(int in, float[] x) {
        float largest = 0;
        for (int k = 0; k < in; k++) {
            largest = Math.max(largest, Math.abs(x[k]));
        }
        return largest < 0x1p15f;
    }

    /** Halves and bfloats are taken by pairs, and so the values of x: of each 16 those at even places come first. */
    private static void order(BlockType type, int in, float[] x, float[] ordered) {
        if (type.size() > 1) {
            System.arraycopy(x, 0, ordered, 0, in);
            return;
        }
        float factor = type == BlockType.F16 ? BIAS : 1;
        for (int k = 0; k < in; k += SUMS) {
            for (int l = 0; l < LANES; l++) {
                ordered[k + l] = x[k + 2 * l] * factor;
                ordered[k + LANES + l] = x[k + 2 * l + 1] * factor;
            }
        }
    }

    /** @return the sum, by halves, of those of 16 sums that have even places, or odd ones */
    private static float sumOfEight(float[] s, int at) {
        float a = s[at] + s[at + 4];
        float b = s[at + 1] + s[at + 5];
        float c = s[at + 2] + s[at + 6];
        float d = s[at + 3] + s[at + 7];
        return (a + c) + (b + d);
    }

    private static void halfDots(int in, float[] x, byte[] w, int first, int row, float[] sums, int at) {
        FloatVector a0 = FloatVector.zero(F);
        FloatVector b0 = FloatVector.zero(F);
        FloatVector a1 = FloatVector.zero(F);
        FloatVector b1 = FloatVector.zero(F);
        int second = first + row;
        for (int k = 0; k < in; k += SUMS) {
            FloatVector even = FloatVector.fromArray(F, x, k);
            FloatVector odd = FloatVector.fromArray(F, x, k + LANES);
            IntVector pairs = pairs(w, first + 2 * k);
            a0 = even.fma(tiny(pairs.lanewise(VectorOperators.LSHL, 16)), a0);
            b0 = odd.fma(tiny(pairs), b0);
            pairs = pairs(w, second + 2 * k);
            a1 = even.fma(tiny(pairs.lanewise(VectorOperators.LSHL, 16)), a1);
            b1 = odd.fma(tiny(pairs), b1);
        }
        store(a0, b0, a1, b1, sums, at);
    }

    private static void bfloatDots(int in, float[] x, byte[] w, int first, int row, float[] sums, int at) {
        FloatVector a0 = FloatVector.zero(F);
        FloatVector b0 = FloatVector.zero(F);
        FloatVector a1 = FloatVector.zero(F);
        FloatVector b1 = FloatVector.zero(F);
        int second = first + row;
        for (int k = 0; k < in; k += SUMS) {
            FloatVector even = FloatVector.fromArray(F, x, k);
            FloatVector odd = FloatVector.fromArray(F, x, k + LANES);
            IntVector pairs = pairs(w, first + 2 * k);
            a0 = even.fma(pairs.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats(), a0);
            b0 = odd.fma(pairs.and(UPPER).reinterpretAsFloats(), b0);
            pairs = pairs(w, second + 2 * k);
            a1 = even.fma(pairs.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats(), a1);
            b1 = odd.fma(pairs.and(UPPER).reinterpretAsFloats(), b1);
        }
        store(a0, b0, a1, b1, sums, at);
    }

    private static void byteDots(int blocks, float[] x, byte[] w, int first, int row, float[] sums, int at) {
        FloatVector a0 = FloatVector.zero(F);
        FloatVector b0 = FloatVector.zero(F);
        FloatVector a1 = FloatVector.zero(F);
        FloatVector b1 = FloatVector.zero(F);
        int second = first + row;
        for (int block = 0; block < blocks; block++) {
            int k = block * 32;
            int q0 = first + block * Q8;
            int q1 = second + block * Q8;
            float d0 = scale(w, q0);
            float d1 = scale(w, q1);
            FloatVector v = FloatVector.fromArray(F, x, k);
            a0 = v.fma(bytes(w, q0 + 2, d0), a0);
            a1 = v.fma(bytes(w, q1 + 2, d1), a1);
            v = FloatVector.fromArray(F, x, k + 8);
            b0 = v.fma(bytes(w, q0 + 10, d0), b0);
            b1 = v.fma(bytes(w, q1 + 10, d1), b1);
            v = FloatVector.fromArray(F, x, k + 16);
            a0 = v.fma(bytes(w, q0 + 18, d0), a0);
            a1 = v.fma(bytes(w, q1 + 18, d1), a1);
            v = FloatVector.fromArray(F, x, k + 24);
            b0 = v.fma(bytes(w, q0 + 26, d0), b0);
            b1 = v.fma(bytes(w, q1 + 26, d1), b1);
        }
        store(a0, b0, a1, b1, sums, at);
    }

    private static void nibbleDots(int blocks, float[] x, byte[] w, int first, int row, float[] sums, int at) {
        FloatVector a0 = FloatVector.zero(F);
        FloatVector b0 = FloatVector.zero(F);
        FloatVector a1 = FloatVector.zero(F);
        FloatVector b1 = FloatVector.zero(F);
        int second = first + row;
        for (int block = 0; block < blocks; block++) {
            int k = block * 32;
            int q0 = first + block * Q4;
            int q1 = second + block * Q4;
            float d0 = scale(w, q0);
            float d1 = scale(w, q1);
            FloatVector low = FloatVector.fromArray(F, x, k);
            FloatVector high = FloatVector.fromArray(F, x, k + 16);
            ByteVector pairs = ByteVector.fromArray(BYTES, w, q0 + 2);
            a0 = high.fma(upper(pairs, d0), low.fma(lower(pairs, d0), a0));
            pairs = ByteVector.fromArray(BYTES, w, q1 + 2);
            a1 = high.fma(upper(pairs, d1), low.fma(lower(pairs, d1), a1));
            low = FloatVector.fromArray(F, x, k + 8);
            high = FloatVector.fromArray(F, x, k + 24);
            pairs = ByteVector.fromArray(BYTES, w, q0 + 10);
            b0 = high.fma(upper(pairs, d0), low.fma(lower(pairs, d0), b0));
            pairs = ByteVector.fromArray(BYTES, w, q1 + 10);
            b1 = high.fma(upper(pairs, d1), low.fma(lower(pairs, d1), b1));
        }
        store(a0, b0, a1, b1, sums, at);
    }

    private static void store(FloatVector a0, FloatVector b0, FloatVector a1, FloatVector b1, float[] sums, int at) {
        a0.intoArray(sums, at);
        b0.intoArray(sums, at + LANES);
        a1.intoArray(sums, at + SUMS);
        b1.intoArray(sums, at + SUMS + LANES);
    }

    @Override
    public void dots(int rows, int width, float[] x, int n, float[] w, float[] y, int yAt, int yRow) {
        if (n < ROWS) {
            super.dots(rows, width, x, n, w, y, yAt, yRow);
            return;
        }
        float[] sums = new float[2 * ROWS * SUMS];
        VectorDotProducts.fourRows(rows, width, x, 0, width, w, sums, y, yAt, yRow, 1);
    }
}
