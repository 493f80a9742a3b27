package org.minigpt.internal.kernels;

import org.minigpt.internal.simd.Products;
import org.minigpt.internal.simd.Simd;

/**
 * y = x·W + b as {@link LinearKernel} computes it, forward only and for any number of rows, above all for few: a single
 * row is a matrix-vector product, which waits for the weights to come from memory, and a BLAS that packs its operands for
 * a product of several rows would read them more than once. Any range of the columns or of the rows can be computed by
 * itself, by several threads at once.
 *
 * <p>Where {@link WeightPanels} are given, few rows are multiplied on the heap.
 */
public final class InferenceLinearKernel {
    /** Up to so many rows, blocks that OpenBLAS multiplies without packing are faster than one large product. */
    private static final int FEW_ROWS = 32;

    /** OpenBLAS's kernels for small matrices take over below so many multiplications. */
    private static final int SMALL_PRODUCT = 1_000_000;

    private static final int SMALL_PRODUCT_TRANSPOSED = 500_000;

    /** Columns of x in a block. */
    private static final int DEPTH = 512;

    /** Columns of y in a block are a multiple of this. */
    private static final int LANES = 16;

    private final int rows;
    private final int in;
    private final int out;
    private final boolean outIn;
    private final Floats x;
    private final Floats w;
    private final Floats b;
    private final Floats y;
    private final float[] tile; // of biases, or zeros
    private final WeightPanels panels;
    private final int heapRows; // filled up with zeros
    private final float[] few; // x [heapRows,in], and y [heapRows,out] after it; null without panels

    /**
     * Binds the kernel to its operands, for use by one thread: another takes another instance.
     *
     * @param rows of x [rows,in] and y [rows,out]
     * @param outIn whether W is stored [out,in]
     * @param b null for none
     * @param panels of W, shared by all kernels that read it; null to leave products to BLAS
     */
    public InferenceLinearKernel(
            int rows, int in, int out, boolean outIn, Floats x, Floats w, Floats b, Floats y, WeightPanels panels) {
        this.rows = rows;
        this.in = in;
        this.out = out;
        this.outIn = outIn;
        this.x = x.alias();
        this.w = w.alias();
        this.b = b == null ? null : b.alias();
        this.y = y.alias();
        this.tile = b == null && panels == null ? null : new float[Tiles.roundUp(out, Products.WIDTH)];
        this.panels = panels;
        this.heapRows = Tiles.roundUp(rows, Products.ROWS);
        this.few = panels == null ? null : new float[heapRows * (in + Tiles.roundUp(out, Products.WIDTH))];
    }

    /** @return whether the columns are better shared out among threads than the rows */
    public static boolean byColumns(int rows) {
        return rows <= FEW_ROWS;
    }

    /** Computes the columns [from, to) of y, for all rows; there are few. With panels {@code from} begins one. */
    public void columns(int from, int to) {
        if (panels != null) {
            onHeap(from, to);
            return;
        }
        bias(0, rows, from, to);
        if (rows == 1) {
            vector(from, to);
            return;
        }
        int depth = Math.min(in, DEPTH);
        int most = (outIn ? SMALL_PRODUCT_TRANSPOSED : SMALL_PRODUCT) / (rows * depth);
        int width = Math.max(LANES, most / LANES * LANES);
        for (int column = from; column < to; column += width) {
            int n = Math.min(width, to - column);
            for (int k = 0; k < in; k += depth) {
                float beta = k > 0 || b != null ? 1f : 0f;
                product(0, rows, column, n, k, Math.min(depth, in - k), beta);
            }
        }
    }

    /** Computes the rows [from, to) of y. */
    public void rows(int from, int to) {
        bias(from, to, 0, out);
        product(from, to - from, 0, out, 0, in, b != null ? 1f : 0f);
    }

    private void bias(int row, int end, int from, int to) {
        if (b == null) {
            return;
        }
        // The product adds to what is there, so the bias costs one write and no read.
        b.read(from, tile, 0, to - from);
        for (int r = row; r < end; r++) {
            y.write(r * out + from, tile, 0, to - from);
        }
    }

    private void onHeap(int from, int to) {
        float[] w = panels.of(this.w, in, out, outIn);
        int width = Tiles.roundUp(to - from, Products.WIDTH);
        int first = heapRows * in; // of y in few
        x.read(0, few, 0, rows * in);
        if (b != null) {
            b.read(from, tile, 0, to - from);
        }
        Simd.PRODUCTS.panelRows(heapRows, in, width / Products.WIDTH, few, w, from * in, tile, 0, few, first, width);
        if (to - from == out && width == out) {
            y.write(0, few, first, rows * out);
            return;
        }
        for (int r = 0; r < rows; r++) {
            y.write(r * out + from, few, first + r * width, to - from);
        }
    }

    private void vector(int from, int to) {
        float beta = b != null ? 1f : 0f;
        int n = to - from;
        if (outIn) {
            Gemv.n(n, in, 1f, w.at((long) from * in), in, x.at(0), beta, y.at(from));
        } else {
            Gemv.t(in, n, 1f, w.at(from), out, x.at(0), beta, y.at(from));
        }
    }

    /** y[row.., column..] = x[row.., k..]·W[k.., column..] + beta·y, of m rows, n columns and {@code depth} terms. */
    private void product(int row, int m, int column, int n, int k, int depth, float beta) {
        long xAt = (long) row * in + k;
        long yAt = (long) row * out + column;
        if (outIn) {
            Blas.nt(m, n, depth, 1f, x.at(xAt), in, w.at((long) column * in + k), in, beta, y.at(yAt), out);
        } else {
            Blas.nn(m, n, depth, 1f, x.at(xAt), in, w.at((long) k * out + column), out, beta, y.at(yAt), out);
        }
    }
}
