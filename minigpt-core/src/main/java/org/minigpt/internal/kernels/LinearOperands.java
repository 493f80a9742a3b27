package org.minigpt.internal.kernels;

/**
 * What y = x·W + b is computed of, FLOAT.
 *
 * @param rows of x [rows,in] and y [rows,out]
 * @param outIn whether W is [out,in], else it is [in,out]
 * @param w null where W lies in blocks, which are [out,in]
 * @param b [out], or null for none
 */
public record LinearOperands(int rows, int in, int out, boolean outIn, Floats x, Floats w, Floats b, Floats y) {

    /** @return the same with pointers of its own, for another thread */
    LinearOperands alias() {
        return new LinearOperands(rows, in, out, outIn, x.alias(), aliasOf(w), aliasOf(b), y.alias());
    }

    /** Sets columns of y from {@code from} on to the bias, of which {@code tile} has room for as many. */
    void setToBias(int from, float[] tile) {
        b.read(from, tile, 0, tile.length);
        for (int r = 0; r < rows; r++) {
            y.write(r * out + from, tile, 0, tile.length);
        }
    }

    private static Floats aliasOf(Floats orNull) {
        return orNull == null ? null : orNull.alias();
    }
}
