package org.minigpt.internal.kernels;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.minigpt.internal.simd.BlockType;
import org.minigpt.internal.simd.HalfFloats;
import org.minigpt.internal.simd.Simd;

/** The numbers of a {@link KeyValueCache}: floats as they are, or rounded to F16, which vectors make floats of block by block. */
sealed interface CachePanels {

    /** @return so many zeros */
    static CachePanels allocate(boolean halves, int length) {
        return halves ? new F16(new byte[Math.multiplyExact(length, 2)]) : new F32(new float[length]);
    }

    /** Sets n numbers from {@code at} on, {@code step} apart. */
    void put(int at, int step, float[] from, int fromAt, int n);

    /** Reads n numbers from {@code at} on, {@code step} apart. */
    void get(int at, int step, float[] to, int toAt, int n);

    /** Copies n numbers to another of the same type. */
    void copy(int at, CachePanels to, int toAt, int n);

    /** @return the memory that it has */
    long bytes();

    /** As they are. */
    record F32(float[] values) implements CachePanels {
        @Override
        public void put(int at, int step, float[] from, int fromAt, int n) {
            for (int i = 0; i < n; i++) {
                values[at + i * step] = from[fromAt + i];
            }
        }

        @Override
        public void get(int at, int step, float[] to, int toAt, int n) {
            for (int i = 0; i < n; i++) {
                to[toAt + i] = values[at + i * step];
            }
        }

        @Override
        public void copy(int at, CachePanels to, int toAt, int n) {
            System.arraycopy(values, at, ((F32) to).values, toAt, n);
        }

        @Override
        public long bytes() {
            return (long) values.length * Float.BYTES;
        }
    }

    /** Little-endian. */
    record F16(byte[] values, ByteBuffer buffer) implements CachePanels {
        F16(byte[] values) {
            this(values, ByteBuffer.wrap(values).order(ByteOrder.LITTLE_ENDIAN));
        }

        /** Makes floats of n numbers. */
        void decode(int at, int n, float[] out, int outAt) {
            Simd.BLOCKS.decode(BlockType.F16, values, 2 * at, n, out, outAt);
        }

        @Override
        public void put(int at, int step, float[] from, int fromAt, int n) {
            for (int i = 0; i < n; i++) {
                buffer.putShort(2 * (at + i * step), HalfFloats.toHalf(from[fromAt + i]));
            }
        }

        @Override
        public void get(int at, int step, float[] to, int toAt, int n) {
            for (int i = 0; i < n; i++) {
                to[toAt + i] = HalfFloats.ofHalf(buffer.getShort(2 * (at + i * step)));
            }
        }

        @Override
        public void copy(int at, CachePanels to, int toAt, int n) {
            System.arraycopy(values, 2 * at, ((F16) to).values, 2 * toAt, 2 * n);
        }

        @Override
        public long bytes() {
            return values.length;
        }
    }
}
