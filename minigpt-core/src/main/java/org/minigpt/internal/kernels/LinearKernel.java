package org.minigpt.internal.kernels;

/**
 * y = x·W + b with x [rows,in], b [out], y [rows,out] and W [in,out] as Hugging Face's GPT-2 stores it, or [out,in] as
 * PyTorch's {@code Linear} and an embedding that is tied to the head do.
 */
public final class LinearKernel implements Runnable {
    private final int rows;
    private final int in;
    private final int out;
    private final boolean outIn;
    private final Floats x;
    private final Floats w;
    private final Floats b;
    private final Floats y;
    private final int tileRows;
    private final float[] tile;

    /**
     * @param outIn whether W is stored [out,in]
     * @param b null for none
     */
    public LinearKernel(int rows, int in, int out, boolean outIn, Floats x, Floats w, Floats b, Floats y) {
        this.rows = rows;
        this.in = in;
        this.out = out;
        this.outIn = outIn;
        this.x = x;
        this.w = w;
        this.b = b;
        this.y = y;
        this.tileRows = b == null ? 0 : Tiles.rows(rows, out);
        this.tile = new float[tileRows * out];
    }

    /** Computes y. */
    @Override
    public void run() {
        float beta = 0f;
        if (b != null) {
            // The product adds to what is there, so the bias costs one write and no read.
            b.read(0, tile, 0, out);
            for (int row = 1; row < tileRows; row++) {
                System.arraycopy(tile, 0, tile, row * out, out);
            }
            for (int row = 0; row < rows; row += tileRows) {
                y.write(row * out, tile, 0, Math.min(tileRows, rows - row) * out);
            }
            beta = 1f;
        }
        if (outIn) {
            Blas.nt(rows, out, in, 1f, x.at(0), in, w.at(0), in, beta, y.at(0), out);
        } else {
            Blas.nn(rows, out, in, 1f, x.at(0), in, w.at(0), out, beta, y.at(0), out);
        }
    }

    /** x, W and dy [rows,out] to dx [rows,in], dw in W's layout and db [out], those of them that are not null. */
    public static final class Gradient implements Runnable {
        private final int rows;
        private final int in;
        private final int out;
        private final boolean outIn;
        private final Floats x;
        private final Floats w;
        private final Floats dy;
        private final Floats dx;
        private final Floats dw;
        private final Floats db;
        private final Floats ones; // [rows], for db

        public Gradient(
                int rows,
                int in,
                int out,
                boolean outIn,
                Floats x,
                Floats w,
                Floats dy,
                Floats dx,
                Floats dw,
                Floats db) {
            this.rows = rows;
            this.in = in;
            this.out = out;
            this.outIn = outIn;
            this.x = x;
            this.w = w;
            this.dy = dy;
            this.dx = dx;
            this.dw = dw;
            this.db = db;
            this.ones = db == null ? null : Floats.allocate(rows);
            for (int row = 0; db != null && row < rows; row++) {
                ones.put(row, 1f);
            }
        }

        @Override
        public void run() {
            if (dx != null && outIn) {
                Blas.nn(rows, in, out, 1f, dy.at(0), out, w.at(0), in, 0f, dx.at(0), in);
            } else if (dx != null) {
                Blas.nt(rows, in, out, 1f, dy.at(0), out, w.at(0), out, 0f, dx.at(0), in);
            }
            if (dw != null && outIn) {
                Blas.tn(out, in, rows, 1f, dy.at(0), out, x.at(0), in, 0f, dw.at(0), in);
            } else if (dw != null) {
                Blas.tn(in, out, rows, 1f, x.at(0), in, dy.at(0), out, 0f, dw.at(0), out);
            }
            if (db != null) {
                Blas.columnSums(rows, out, dy.at(0), ones.at(0), db.at(0));
            }
        }
    }
}
