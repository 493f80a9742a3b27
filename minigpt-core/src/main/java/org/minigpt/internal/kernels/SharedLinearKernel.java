package org.minigpt.internal.kernels;

import org.minigpt.internal.parallel.Duet;
import org.minigpt.internal.simd.Products;
import org.minigpt.internal.simd.Simd;

/** {@link InferenceLinearKernel} of rows that are half of a {@link SharedBatch}: y = x·W + b with panels of W. */
public final class SharedLinearKernel {
    private static final int WIDTH = Products.WIDTH;

    private final int rows;
    private final int in;
    private final int out;
    private final boolean outIn;
    private final Floats x;
    private final Floats w;
    private final Floats b;
    private final Floats y;
    private final WeightPanels panels;
    private final SharedBatch batch;
    private final float[] bias; // [out], filled up, or zeros

    /**
     * Binds the kernel to its operands, for use by one thread: the other half has an instance of its own.
     *
     * @param rows of x [rows,in] and y [rows,out]
     * @param outIn whether W is stored [out,in]
     * @param b null for none
     * @param panels of W
     */
    public SharedLinearKernel(
            int rows,
            int in,
            int out,
            boolean outIn,
            Floats x,
            Floats w,
            Floats b,
            Floats y,
            WeightPanels panels,
            SharedBatch batch) {
        this.rows = rows;
        this.in = in;
        this.out = out;
        this.outIn = outIn;
        this.x = x.alias();
        this.w = w.alias();
        this.b = b == null ? null : b.alias();
        this.y = y.alias();
        this.panels = panels;
        this.batch = batch;
        this.bias = new float[Tiles.roundUp(out, WIDTH)];
        batch.reserve(in, out);
    }

    /**
     * Computes y, together with the other half.
     *
     * @return false if there is no other thread, and nothing has been computed
     */
    public boolean run() {
        int member = batch.member();
        if (member == Duet.ALONE) {
            return false;
        }
        int before = batch.rowsBefore(member);
        x.read(0, batch.x(), before * in, rows * in);
        batch.await(member);
        products(member);
        batch.await(member);
        for (int r = 0; r < rows; r++) {
            y.write(r * out, batch.y(), (before + r) * bias.length, out);
        }
        return true;
    }

    /** Computes the left half of the panels, or the right. */
    private void products(int member) {
        int all = bias.length / WIDTH;
        int from = member * (all / 2);
        int count = member == 0 ? all / 2 : all - all / 2;
        int at = from * WIDTH;
        if (b != null) {
            b.read(at, bias, at, Math.min(count * WIDTH, out - at));
        }
        float[] weights = panels.of(w, in, out, outIn);
        Simd.PRODUCTS.panelRows(
                batch.height(), in, count, batch.x(), weights, at * in, bias, at, batch.y(), at, bias.length);
    }
}
