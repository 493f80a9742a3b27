package org.minigpt.internal.simd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Products with weights in blocks: by hand, and the same bits in plain Java and by vectors, which are of 8 floats everywhere. */
class BlockProductsTest {

    static List<BlockProducts> all() {
        return List.of(new PlainBlockProducts(), new VectorBlockProducts());
    }

    private static ByteBuffer memory(byte[] blocks) {
        return ByteBuffer.allocateDirect(blocks.length).put(blocks).flip();
    }

    private static byte[] encode(BlockType type, float[] w) {
        byte[] blocks = new byte[(int) type.bytes(w.length)];
        type.encode(w, 0, w.length, blocks, 0);
        return blocks;
    }

    @Test
    void theTestsRunWithTheVectorApi() {
        assertEquals(VectorBlockProducts.class, Simd.BLOCKS.getClass());
    }

    /** Rows of W are 1, 2, 3, ... 32 and only the last value 1; those of x are twos, and 1 at place 1, 10 at place 31. */
    @ParameterizedTest
    @MethodSource("all")
    void byHand(BlockProducts products) {
        float[] w = new float[64];
        for (int k = 0; k < 32; k++) {
            w[k] = k + 1;
        }
        w[63] = 1;
        float[] x = new float[64];
        Arrays.fill(x, 0, 32, 2);
        x[33] = 1;
        x[63] = 10;
        for (BlockType type : List.of(BlockType.F16, BlockType.BF16)) {
            float[] y = {9, 9, 9, 9, 9, 9};
            ByteBuffer memory = memory(encode(type, w));
            products.rowsDots(type, 2, 32, x, memory, 0, 2, new byte[4 * 64], new float[4 * 32], y, 3);
            // 2·(1 + ... + 32) = 1056 and 2·1; 2 + 10·32 = 322 and 10·1; every third place is not written.
            assertArrayEquals(new float[] {1056, 2, 9, 322, 10, 9}, y);
        }
        // d is 1 (0x3c00): bytes as they are.
        ByteBuffer q8 = memory(new byte[2 * 34]);
        ByteBuffer q4 = memory(new byte[2 * 18]);
        for (int row = 0; row < 2; row++) {
            q8.put(row * 34 + 1, (byte) 0x3c);
            q4.put(row * 18 + 1, (byte) 0x3c);
            q8.put(row * 34 + 2 + 1, (byte) (row == 0 ? 5 : -128));
            q8.put(row * 34 + 2 + 31, (byte) 3);
            for (int j = 0; j < 16; j++) {
                q4.put(row * 18 + 2 + j, (byte) 0x88); // zeros
            }
            q4.put(row * 18 + 2 + 1, (byte) 0x8d); // 13 - 8 = 5 at place 1
            q4.put(row * 18 + 2 + 15, (byte) (row == 0 ? 0xb8 : 0x08)); // 11 - 8 = 3, 0 - 8 = -8 at place 31
        }
        float[] y = new float[4];
        products.rowsDots(BlockType.Q8_0, 2, 32, x, q8, 0, 2, new byte[136], new float[128], y, 2);
        // 2·5 + 2·3, 2·-128 + 2·3; 5 + 30, -128 + 30
        assertArrayEquals(new float[] {16, -250, 35, -98}, y);
        products.rowsDots(BlockType.Q4_0, 2, 32, x, q4, 0, 2, new byte[136], new float[128], y, 2);
        // 2·5 + 2·3, 2·5 - 2·8; 5 + 30, 5 - 80
        assertArrayEquals(new float[] {16, -6, 35, -75}, y);
    }

    /** Every half and every scale, the subnormal ones too. */
    @ParameterizedTest
    @MethodSource("all")
    void everyHalf(BlockProducts products) {
        byte[] halves = new byte[2 * 0x7c00];
        byte[] scales = new byte[34 * 0x7c00];
        for (int i = 0; i < 0x7c00; i++) {
            halves[2 * i] = scales[34 * i] = (byte) i;
            halves[2 * i + 1] = scales[34 * i + 1] = (byte) (i >> 8 | (i & 1) << 7);
            scales[34 * i + 3] = (byte) i;
        }
        float[] out = new float[0x7c00];
        products.decode(BlockType.F16, halves, 0, out.length, out, 0);
        float[] blocks = new float[32 * out.length];
        products.decode(BlockType.Q8_0, scales, 0, blocks.length, blocks, 0);
        for (int i = 0; i < out.length; i++) {
            float half = HalfFloats.ofHalf((short) (i | (i & 1) << 15));
            assertEquals(half, out[i]);
            assertEquals(half * (byte) i, blocks[32 * i + 1]);
        }
        // A row of x that is 1 at one place only has those values for its products.
        float[] y = new float[out.length];
        for (int k = 0; k < 16; k++) {
            float[] x = new float[16];
            x[k] = 1;
            int n = out.length / 16;
            products.rowsDots(BlockType.F16, 1, 16, x, memory(halves), 0, n, new byte[128], new float[64], y, n);
            for (int j = 0; j < n; j++) {
                assertEquals(out[16 * j + k], y[j]);
            }
        }
        float[] x = new float[32];
        x[1] = 1;
        products.rowsDots(
                BlockType.Q8_0, 1, 32, x, memory(scales), 0, y.length, new byte[136], new float[128], y, y.length);
        for (int i = 0; i < y.length; i++) {
            assertEquals(blocks[32 * i + 1], y[i]);
        }
    }

    /** 2²⁰ times the smallest half, 2⁻²⁴, is 1/16, and 2¹²⁷ times it 2¹⁰³, though 2²³⁹ is no float. */
    @ParameterizedTest
    @MethodSource("all")
    void largeRowsOfX(BlockProducts products) {
        float[] w = new float[64];
        w[0] = 0x1p-24f;
        w[16 + 5] = -0x1p-24f;
        float[] x = new float[16];
        x[0] = 0x1p20f;
        x[5] = 0x1p127f;
        float[] y = new float[4];
        products.rowsDots(
                BlockType.F16, 1, 16, x, memory(encode(BlockType.F16, w)), 0, 4, new byte[128], new float[64], y, 4);
        assertArrayEquals(new float[] {0.0625f, -0x1p103f, 0, 0}, y);
    }

    @ParameterizedTest
    @EnumSource(BlockType.class)
    void sameBitsInAllVariantsAndCompany(BlockType type) {
        Random random = new Random(7);
        for (int in : type.size() == 1 ? new int[] {1, 15, 16, 40, 96} : new int[] {32, 64, 288}) {
            int n = 23;
            int width = (in + 15) / 16 * 16;
            byte[] blocks = encode(type, ProductsTest.normal(random, n * in));
            float[] w = new float[n * in];
            type.decode(ByteBuffer.wrap(blocks).order(ByteOrder.LITTLE_ENDIAN), 0, n * in, w, 0);
            int rows = 9;
            float[] x = new float[rows * width];
            for (int r = 0; r < rows; r++) {
                System.arraycopy(ProductsTest.normal(random, in), 0, x, r * width, in);
            }
            float[] alone = null;
            for (BlockProducts products : all()) {
                ByteBuffer memory = memory(blocks);
                float[] decoded = new float[n * in];
                products.decode(type, blocks, 0, n * in, decoded, 0);
                byte[] raw = new byte[4 * (int) type.bytes(in)];
                assertArrayEquals(w, decoded);
                float[] scratch = new float[4 * width];
                float[] y = new float[rows * n];
                products.rowsDots(type, rows, in, x, memory, 0, n, raw, scratch, y, n);
                if (alone == null) {
                    alone = y;
                    for (int i = 0; i < y.length; i++) {
                        assertEquals(inDoubles(in, x, i / n * width, w, i % n * in), y[i], 1e-5 * in, "entry " + i);
                    }
                }
                assertArrayEquals(alone, y);
                // A row by itself, and columns from 5 to 18.
                float[] part = new float[13];
                for (int r = 0; r < rows; r++) {
                    float[] row = Arrays.copyOfRange(x, r * width, (r + 1) * width);
                    products.rowsDots(type, 1, in, row, memory, 5, 18, raw, scratch, part, 13);
                    assertArrayEquals(Arrays.copyOfRange(alone, r * n + 5, r * n + 18), part);
                }
            }
        }
    }

    private static double inDoubles(int terms, float[] x, int xAt, float[] w, int wAt) {
        double sum = 0;
        for (int k = 0; k < terms; k++) {
            sum += (double) x[xAt + k] * w[wAt + k];
        }
        return sum;
    }
}
