package org.minigpt.internal.simd;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link BlockProducts} with this machine's vectors; those of less than 8 floats do not read blocks. Four rows of W
 * are made floats in the first-level cache, where each is then used for all rows of x.
 */
final class VectorBlockProducts extends PlainBlockProducts {
    private static final VectorSpecies<Float> F = VectorTileMath.species(MethodHandles.lookup());
    private static final VectorSpecies<Integer> I = F.withLanes(int.class);
    private static final int LANES = F.length();
    private static final VectorSpecies<Byte> B = of(byte.class, LANES * Byte.SIZE);
    private static final VectorSpecies<Short> S = of(short.class, LANES * Short.SIZE);
    private static final VectorSpecies<Float> F8 = FloatVector.SPECIES_256;

    private static final MethodHandle BYTES = VectorLoads.loads(ByteVector.class, B);
    private static final MethodHandle SHORTS = VectorLoads.loads(ShortVector.class, S);

    /** A half's sign, and its exponent and mantissa, when its bits are moved by 13. */
    private static final int HALF = 0x8fffe000;

    /** Of the biases of a float's exponent and a half's. */
    private static final float BIAS = 0x1p112f;

    private static <E> VectorSpecies<E> of(Class<E> type, int bits) {
        return VectorSpecies.of(type, VectorShape.forBitSize(Math.max(64, bits)));
    }

    @Override
    public Object memory(ByteBuffer bytes) {
        ByteBuffer little = bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        return new VectorLoads.Memory(little, VectorLoads.memory(little));
    }

    private static ByteVector bytes(Object memory, int at) {
        try {
            return (ByteVector) BYTES.invokeExact(memory, at);
        } catch (Throwable e) {
            throw VectorLoads.unexpected(e);
        }
    }

    private static ShortVector shorts(Object memory, int at) {
        try {
            return (ShortVector) SHORTS.invokeExact(memory, at);
        } catch (Throwable e) {
            throw VectorLoads.unexpected(e);
        }
    }

    @Override
    public void decode(BlockType type, Object w, int at, int n, float[] out, int outAt) {
        VectorLoads.Memory memory = (VectorLoads.Memory) w;
        if (LANES < 8) {
            super.decode(type, memory.bytes(), at, n, out, outAt);
            return;
        }
        int done = n / LANES * LANES;
        switch (type) {
            case F16 -> halves(memory.vectors(), at, done, out, outAt);
            case BF16 -> bfloats(memory.vectors(), at, done, out, outAt);
            case Q8_0 -> bytes(memory.bytes(), memory.vectors(), at, n, out, outAt);
            case Q4_0 -> nibbles(memory.bytes(), memory.vectors(), at, n, out, outAt);
        }
        if (done < n) { // of halves only
            super.decode(type, memory.bytes(), at + (int) type.bytes(done), n - done, out, outAt + done);
        }
    }

    private static void halves(Object w, int at, int n, float[] out, int outAt) {
        for (int k = 0; k < n; k += LANES) {
            // Widening repeats the sign in the upper bits; what is subnormal as a half is so as a float, and comes out
            // right.
            IntVector wide = (IntVector) shorts(w, at + k * Short.BYTES).convertShape(VectorOperators.S2I, I, 0);
            FloatVector small =
                    wide.lanewise(VectorOperators.LSHL, 13).and(HALF).reinterpretAsFloats();
            small.mul(BIAS).intoArray(out, outAt + k);
        }
    }

    private static void bfloats(Object w, int at, int n, float[] out, int outAt) {
        for (int k = 0; k < n; k += LANES) {
            IntVector wide = (IntVector) shorts(w, at + k * Short.BYTES).convertShape(VectorOperators.S2I, I, 0);
            wide.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().intoArray(out, outAt + k);
        }
    }

    private static float scale(ByteBuffer w, int at) {
        return Float.intBitsToFloat(w.getShort(at) << 13 & HALF) * BIAS;
    }

    private static void bytes(ByteBuffer scales, Object w, int at, int n, float[] out, int outAt) {
        for (int k = 0; k < n; k += 32) {
            FloatVector d = FloatVector.broadcast(F, scale(scales, at));
            for (int j = 0; j < 32; j += LANES) {
                FloatVector q = (FloatVector) bytes(w, at + 2 + j).convertShape(VectorOperators.B2F, F, 0);
                q.mul(d).intoArray(out, outAt + k + j);
            }
            at += 34;
        }
    }

    private static void nibbles(ByteBuffer scales, Object w, int at, int n, float[] out, int outAt) {
        for (int k = 0; k < n; k += 32) {
            FloatVector d = FloatVector.broadcast(F, scale(scales, at));
            for (int j = 0; j < 16; j += LANES) {
                IntVector pairs = (IntVector) bytes(w, at + 2 + j).convertShape(VectorOperators.B2I, I, 0);
                put(pairs.and(15), d, out, outAt + k + j);
                put(pairs.lanewise(VectorOperators.LSHR, 4).and(15), d, out, outAt + k + j + 16);
            }
            at += 18;
        }
    }

    private static void put(IntVector q, FloatVector d, float[] out, int at) {
        ((FloatVector) q.sub(8).convert(VectorOperators.I2F, 0)).mul(d).intoArray(out, at);
    }

    @Override
    public void dots(int rows, int width, float[] x, int n, float[] w, float[] y, int yAt, int yRow) {
        float[] sums = new float[4 * SUMS];
        int r = 0;
        for (; r <= rows - 4; r += 4) {
            for (int j = 0; j < n; j++) {
                // Four rows of x with one of w.
                for (int lane = 0; lane < SUMS; lane += LANES) {
                    fourDots(width, w, j * width + lane, x, r * width + lane, width, sums, lane);
                }
                for (int i = 0; i < 4; i++) {
                    y[yAt + (r + i) * yRow + j] = sum(sums, i * SUMS);
                }
            }
        }
        for (; r < rows; r++) {
            if (n == ROWS) {
                // One row of x with four of w.
                for (int lane = 0; lane < SUMS; lane += LANES) {
                    fourDots(width, x, r * width + lane, w, lane, width, sums, lane);
                }
                for (int j = 0; j < ROWS; j++) {
                    y[yAt + r * yRow + j] = sum(sums, j * SUMS);
                }
            } else {
                float[] row = Arrays.copyOfRange(x, r * width, (r + 1) * width);
                super.dots(1, width, row, n, w, y, yAt + r * yRow, 0);
            }
        }
    }

    /** Lanes of the sums of one row with four others. */
    private static void fourDots(
            int width, float[] one, int oneAt, float[] four, int fourAt, int row, float[] sums, int lane) {
        FloatVector s0 = FloatVector.zero(F);
        FloatVector s1 = FloatVector.zero(F);
        FloatVector s2 = FloatVector.zero(F);
        FloatVector s3 = FloatVector.zero(F);
        int row1 = fourAt + row;
        int row2 = row1 + row;
        int row3 = row2 + row;
        for (int k = 0; k < width; k += SUMS) {
            FloatVector v = FloatVector.fromArray(F, one, oneAt + k);
            s0 = v.fma(FloatVector.fromArray(F, four, fourAt + k), s0);
            s1 = v.fma(FloatVector.fromArray(F, four, row1 + k), s1);
            s2 = v.fma(FloatVector.fromArray(F, four, row2 + k), s2);
            s3 = v.fma(FloatVector.fromArray(F, four, row3 + k), s3);
        }
        s0.intoArray(sums, lane);
        s1.intoArray(sums, lane + SUMS);
        s2.intoArray(sums, lane + 2 * SUMS);
        s3.intoArray(sums, lane + 3 * SUMS);
    }

    private static float sum(float[] s, int at) {
        FloatVector v = FloatVector.fromArray(F8, s, at).add(FloatVector.fromArray(F8, s, at + 8));
        v.intoArray(s, at);
        float a = s[at] + s[at + 4];
        float b = s[at + 1] + s[at + 5];
        float c = s[at + 2] + s[at + 6];
        float d = s[at + 3] + s[at + 7];
        return (a + c) + (b + d);
    }
}
