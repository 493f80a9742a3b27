package org.minigpt.internal.simd;

import java.lang.invoke.MethodHandles;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link BlockProducts} with this machine's vectors; those of less than 8 floats do not read blocks. One row of x takes blocks as
 * they come, for which no float is stored; for more rows, four rows of W are made floats in the first-level cache, where each
 * is then used for all rows of x.
 */
final class VectorBlockProducts extends PlainBlockProducts {
    private static final VectorSpecies<Float> F = VectorTileMath.species(MethodHandles.lookup());
    private static final VectorSpecies<Integer> I = F.withLanes(int.class);
    private static final int LANES = F.length();
    private static final VectorSpecies<Byte> BYTES = bytes(LANES);
    private static final VectorSpecies<Byte> SHORTS = bytes(2 * LANES);

    private static final int Q8 = 34;
    private static final int Q4 = 18;

    /** A half's sign, and its exponent and mantissa, when its bits are moved by 13. */
    private static final int HALF = 0x8fffe000;

    /** Of the biases of a float's exponent and a half's. */
    private static final float BIAS = 0x1p112f;

    private static VectorSpecies<Byte> bytes(int count) {
        return VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(8, count) * Byte.SIZE));
    }

    /** @return halves or bfloats as they are, in the low bits; the sign fills the upper ones */
    private static IntVector shorts(byte[] w, int at) {
        return (IntVector)
                ByteVector.fromArray(SHORTS, w, at).reinterpretAsShorts().convertShape(VectorOperators.S2I, I, 0);
    }

    /** What is subnormal as a half is so as a float first, and comes out right. */
    private static FloatVector half(byte[] w, int at) {
        return shorts(w, at)
                .lanewise(VectorOperators.LSHL, 13)
                .and(HALF)
                .reinterpretAsFloats()
                .mul(BIAS);
    }

    private static FloatVector bfloat(byte[] w, int at) {
        return shorts(w, at).lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
    }

    private static FloatVector scale(byte[] w, int at) {
        int half = w[at] & 0xff | w[at + 1] << 8;
        return FloatVector.broadcast(F, Float.intBitsToFloat(half << 13 & HALF) * BIAS);
    }

    private static FloatVector byteTimes(byte[] w, int at, FloatVector d) {
        return ((FloatVector) ByteVector.fromArray(BYTES, w, at).convertShape(VectorOperators.B2F, F, 0)).mul(d);
    }

    /** @param shift 0 for the lower halves of the bytes, 4 for the upper ones */
    private static FloatVector nibbleTimes(byte[] w, int at, int shift, FloatVector d) {
        IntVector pairs = (IntVector) ByteVector.fromArray(BYTES, w, at).convertShape(VectorOperators.B2I, I, 0);
        IntVector q = (shift == 0 ? pairs : pairs.lanewise(VectorOperators.LSHR, 4))
                .and(15)
                .sub(8);
        return ((FloatVector) q.convert(VectorOperators.I2F, 0)).mul(d);
    }

    @Override
    public void decode(BlockType type, byte[] w, int at, int n, float[] out, int outAt) {
        int done = LANES < 8 ? 0 : n / LANES * LANES;
        switch (type) {
            case F16 -> {
                for (int k = 0; k < done; k += LANES) {
                    half(w, at + 2 * k).intoArray(out, outAt + k);
                }
            }
            case BF16 -> {
                for (int k = 0; k < done; k += LANES) {
                    bfloat(w, at + 2 * k).intoArray(out, outAt + k);
                }
            }
            case Q8_0 -> bytes(w, at, done / 32, out, outAt);
            case Q4_0 -> nibbles(w, at, done / 32, out, outAt);
        }
        if (done < n) {
            super.decode(type, w, at + (int) type.bytes(done), n - done, out, outAt + done);
        }
    }

    private static void bytes(byte[] w, int at, int blocks, float[] out, int outAt) {
        for (int block = 0; block < blocks; block++) {
            FloatVector d = scale(w, at + block * Q8);
            for (int j = 0; j < 32; j += LANES) {
                byteTimes(w, at + block * Q8 + 2 + j, d).intoArray(out, outAt + block * 32 + j);
            }
        }
    }

    private static void nibbles(byte[] w, int at, int blocks, float[] out, int outAt) {
        for (int block = 0; block < blocks; block++) {
            FloatVector d = scale(w, at + block * Q4);
            for (int j = 0; j < 16; j += LANES) {
                nibbleTimes(w, at + block * Q4 + 2 + j, 0, d).intoArray(out, outAt + block * 32 + j);
                nibbleTimes(w, at + block * Q4 + 2 + j, 4, d).intoArray(out, outAt + block * 32 + j + 16);
            }
        }
    }

    @Override
    public void fourDots(BlockType type, int in, float[] x, byte[] w, float[] y, int yAt) {
        if (LANES < 8) {
            super.fourDots(type, in, x, w, y, yAt);
            return;
        }
        float[] sums = new float[ROWS * SUMS];
        int row = (int) type.bytes(in);
        for (int lane = 0; lane < SUMS; lane += LANES) {
            switch (type) {
                case F16 -> halfDots(in, x, w, row, lane, sums);
                case BF16 -> bfloatDots(in, x, w, row, lane, sums);
                case Q8_0 -> byteDots(in, x, w, row, lane, sums);
                case Q4_0 -> {
                    nibbleDots(in, x, w, 0, row, lane, sums, 0);
                    nibbleDots(in, x, w, 2 * row, row, lane, sums, 2 * SUMS);
                }
            }
        }
        VectorDotProducts.finish(sums, 1, ROWS, y, yAt, 0, 1);
    }

    private static void halfDots(int in, float[] x, byte[] w, int row, int lane, float[] sums) {
        FloatVector s0 = FloatVector.zero(F);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        for (int k = 0; k < in; k += SUMS) {
            FloatVector v = FloatVector.fromArray(F, x, lane + k);
            s0 = v.fma(half(w, 2 * lane + 2 * k), s0);
            s1 = v.fma(half(w, row + 2 * lane + 2 * k), s1);
            s2 = v.fma(half(w, 2 * row + 2 * lane + 2 * k), s2);
            s3 = v.fma(half(w, 3 * row + 2 * lane + 2 * k), s3);
        }
        store(s0, s1, s2, s3, sums, lane);
    }

    private static void bfloatDots(int in, float[] x, byte[] w, int row, int lane, float[] sums) {
        FloatVector s0 = FloatVector.zero(F);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        for (int k = 0; k < in; k += SUMS) {
            FloatVector v = FloatVector.fromArray(F, x, lane + k);
            s0 = v.fma(bfloat(w, 2 * lane + 2 * k), s0);
            s1 = v.fma(bfloat(w, row + 2 * lane + 2 * k), s1);
            s2 = v.fma(bfloat(w, 2 * row + 2 * lane + 2 * k), s2);
            s3 = v.fma(bfloat(w, 3 * row + 2 * lane + 2 * k), s3);
        }
        store(s0, s1, s2, s3, sums, lane);
    }

    private static void byteDots(int in, float[] x, byte[] w, int row, int lane, float[] sums) {
        FloatVector s0 = FloatVector.zero(F);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        for (int block = 0; block < in / 32; block++) {
            int at = block * Q8;
            FloatVector low = FloatVector.fromArray(F, x, block * 32 + lane);
            FloatVector high = FloatVector.fromArray(F, x, block * 32 + lane + 16);
            FloatVector d = scale(w, at);
            s0 = low.fma(byteTimes(w, at + 2 + lane, d), s0);
            s0 = high.fma(byteTimes(w, at + 18 + lane, d), s0);
            d = scale(w, at + row);
            s1 = low.fma(byteTimes(w, at + row + 2 + lane, d), s1);
            s1 = high.fma(byteTimes(w, at + row + 18 + lane, d), s1);
            d = scale(w, at + 2 * row);
            s2 = low.fma(byteTimes(w, at + 2 * row + 2 + lane, d), s2);
            s2 = high.fma(byteTimes(w, at + 2 * row + 18 + lane, d), s2);
            d = scale(w, at + 3 * row);
            s3 = low.fma(byteTimes(w, at + 3 * row + 2 + lane, d), s3);
            s3 = high.fma(byteTimes(w, at + 3 * row + 18 + lane, d), s3);
        }
        store(s0, s1, s2, s3, sums, lane);
    }

    /** Of two rows of W, from one of the four on: for four of them the JIT gives up. */
    private static void nibbleDots(int in, float[] x, byte[] w, int first, int row, int lane, float[] sums, int sumAt) {
        FloatVector s0 = FloatVector.zero(F);
        FloatVector s1 = s0;
        int second = first + row;
        for (int block = 0; block < in / 32; block++) {
            int at = block * Q4;
            FloatVector low = FloatVector.fromArray(F, x, block * 32 + lane);
            FloatVector high = FloatVector.fromArray(F, x, block * 32 + lane + 16);
            FloatVector d = scale(w, at + first);
            s0 = low.fma(nibbleTimes(w, at + first + 2 + lane, 0, d), s0);
            s0 = high.fma(nibbleTimes(w, at + first + 2 + lane, 4, d), s0);
            d = scale(w, at + second);
            s1 = low.fma(nibbleTimes(w, at + second + 2 + lane, 0, d), s1);
            s1 = high.fma(nibbleTimes(w, at + second + 2 + lane, 4, d), s1);
        }
        s0.intoArray(sums, sumAt + lane);
        s1.intoArray(sums, sumAt + SUMS + lane);
    }

    private static void store(FloatVector s0, FloatVector s1, FloatVector s2, FloatVector s3, float[] sums, int lane) {
        s0.intoArray(sums, lane);
        s1.intoArray(sums, lane + SUMS);
        s2.intoArray(sums, lane + 2 * SUMS);
        s3.intoArray(sums, lane + 3 * SUMS);
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
