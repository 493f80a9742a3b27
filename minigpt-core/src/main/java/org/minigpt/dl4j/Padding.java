package org.minigpt.dl4j;

import java.util.Arrays;
import org.minigpt.MiniGptException;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * The steps of a batch that a mask [B,T] leaves out. A layer computes each sequence as if it stood alone: its steps are
 * moved to the front, where a causal layer never sees what follows them, and back afterwards; the steps left out are 0.
 * So padding before, behind and between is all the same, and positions count what is there.
 */
final class Padding {
    /** For each step of the batch, in the order in which they are computed, where it came from. */
    private final int[] source;

    /** For each place of {@link #source}, whether the mask keeps that step. */
    private final boolean[] kept;

    private Padding(int[] source, boolean[] kept) {
        this.source = source;
        this.kept = kept;
    }

    /**
     * @param mask 0 for steps that do not count; null if all do
     * @return null if nothing is left out
     * @throws MiniGptException if the mask does not fit
     */
    static Padding of(INDArray mask, int b, int t) {
        if (mask == null) {
            return null;
        }
        if (mask.length() != (long) b * t
                || mask.rank() > 2
                || mask.rank() == 2 && mask.size(0) != b && mask.size(1) != 1) {
            throw new MiniGptException("the mask has the shape " + Arrays.toString(mask.shape())
                    + ", but the batch has " + b + " sequences of " + t
                    + " steps; pass a mask [B,T] with 1 for each step that counts, else 0");
        }
        double[] values = mask.dup('c').reshape(mask.length()).toDoubleVector();
        int[] source = new int[values.length];
        boolean[] kept = new boolean[values.length];
        boolean any = false;
        for (int row = 0; row < b; row++) {
            int next = row * t;
            for (int pass = 0; pass < 2; pass++) {
                for (int i = row * t; i < (row + 1) * t; i++) {
                    if (values[i] != 0 == (pass == 0)) {
                        kept[next] = pass == 0;
                        source[next++] = i;
                    }
                }
            }
            any |= next > 0 && !kept[next - 1];
        }
        return any ? new Padding(source, kept) : null;
    }

    /** @return x [B,T,...] or [B,T], row-major, with the steps that count in front and 0 behind them */
    INDArray toFront(INDArray x) {
        return move(x, true);
    }

    /** @return what {@link #toFront} moved, where it was, and 0 elsewhere */
    INDArray back(INDArray y) {
        return move(y, false);
    }

    private INDArray move(INDArray x, boolean toFront) {
        int width = (int) (x.length() / source.length);
        double[] from = x.reshape(x.length()).toDoubleVector();
        double[] to = new double[from.length];
        for (int i = 0; i < source.length; i++) {
            if (kept[i]) {
                int there = toFront ? source[i] : i;
                int here = toFront ? i : source[i];
                System.arraycopy(from, there * width, to, here * width, width);
            }
        }
        return Nd4j.createFromArray(to).castTo(x.dataType()).reshape(x.shape());
    }
}
