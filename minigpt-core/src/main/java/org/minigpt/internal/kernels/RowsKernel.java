package org.minigpt.internal.kernels;

import org.minigpt.internal.parallel.Work;

/**
 * y = x·W + b of a token each of several sequences, or of one. What an entry of y is depends on its row of x and its
 * column of W only, not on the other rows, on how many threads share the columns, or on which of them come: so a token
 * has the same logits in any company.
 */
abstract class RowsKernel implements Runnable, Work {
    final LinearOperands o;
    final DecodeMemory memory;
    private final int parts;

    RowsKernel(LinearOperands o, DecodeMemory memory, int parts) {
        this.o = o;
        this.memory = memory;
        this.parts = parts;
    }

    @Override
    public final int parts() {
        return parts;
    }

    /** Computes y. */
    @Override
    public void run() {
        float[] x = memory.x(o.rows() * o.in());
        o.x().read(0, x, 0, o.rows() * o.in());
        memory.team().run(this);
    }

    /** @return x [rows,in], as {@link #run()} has read it */
    final float[] x() {
        return memory.x(o.rows() * o.in());
    }

    /** Writes n columns of all rows of y, of which {@code tile} has {@code width} a row. */
    final void write(float[] tile, int column, int n, int width) {
        if (n == o.out() && n == width) {
            o.y().write(0, tile, 0, o.rows() * n);
            return;
        }
        for (int r = 0; r < o.rows(); r++) {
            o.y().write(r * o.out() + column, tile, r * width, n);
        }
    }
}
