package org.minigpt.internal.kernels;

/**
 * y = x·W + b with x [rows,in], b [out], y [rows,out] and W [in,out] as Hugging Face's GPT-2 stores it, or [out,in] as
 * PyTorch's {@code Linear} and an embedding that is tied to the head do.
 */
public final class LinearKernel {
    private final int rows;
    private final int in;
    private final int out;
    private final boolean outIn;
    private final int tileRows;
    private final float[] tile;

    /** [rows], for the gradient of a bias. */
    private Floats ones;

    /** @param outIn whether W is stored [out,in] */
    public LinearKernel(int rows, int in, int out, boolean outIn) {
        this.rows = rows;
        this.in = in;
        this.out = out;
        this.outIn = outIn;
        this.tileRows = Tiles.rows(rows, out);
        this.tile = new float[tileRows * out];
    }

    /** Takes the memory that the gradient of a bias needs, which {@link #backward} does itself otherwise. */
    public void forBias() {
        if (ones == null) {
            ones = Floats.allocate(rows);
            for (int row = 0; row < rows; row++) {
                ones.put(row, 1f);
            }
        }
    }

    /** Computes y [rows,out]; {@code b} may be null. */
    public void forward(Floats x, Floats w, Floats b, Floats y) {
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

    /** Computes dx [rows,in], dw in W's layout and, unless it is null, db [out]. */
    public void backward(Floats x, Floats w, Floats dy, Floats dx, Floats dw, Floats db) {
        if (outIn) {
            Blas.nn(rows, in, out, 1f, dy.at(0), out, w.at(0), in, 0f, dx.at(0), in);
            Blas.tn(out, in, rows, 1f, dy.at(0), out, x.at(0), in, 0f, dw.at(0), in);
        } else {
            Blas.nt(rows, in, out, 1f, dy.at(0), out, w.at(0), out, 0f, dx.at(0), in);
            Blas.tn(in, out, rows, 1f, x.at(0), in, dy.at(0), out, 0f, dw.at(0), out);
        }
        if (db != null) {
            forBias();
            Blas.columnSums(rows, out, dy.at(0), ones.at(0), db.at(0));
        }
    }
}
