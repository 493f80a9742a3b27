package org.minigpt.internal.kernels;

import java.util.Arrays;
import org.minigpt.internal.simd.Simd;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Token plus position embedding: y[b,t] = wte[ids[b,t]] + wpe[t], with wte [V,C], wpe [P,C], T ≤ P and y [B,T,C]. The
 * positions, wpe, may be absent; or sequences begin at positions of their own, wpe[min(past[b] + t, P - 1)]; or each
 * token has one of its own.
 */
public final class EmbeddingKernel implements Runnable {
    /** wte, of floats or in blocks. */
    public interface Table {

        /** Copies a row. */
        void read(int row, float[] to);

        /** @return the table that an array holds */
        static Table of(INDArray wte) {
            if (BlockMatrix.is(wte)) {
                BlockMatrix blocks = new BlockMatrix(wte);
                byte[] raw = new byte[blocks.rowBytes()];
                return (row, to) -> blocks.read(row, 1, raw, to, 0);
            }
            Floats floats = Floats.of(wte);
            int c = (int) wte.size(1);
            return (row, to) -> floats.read(row * c, to, 0, c);
        }
    }

    private final int t;
    private final int c;
    private final int[] ids;
    private final int[] past;
    private final Table wte;
    private final Floats wpe;
    private final Floats y;
    private final int last;
    private final float[] sum;
    private final float[] row;

    /**
     * @param t T
     * @param c the width of a row
     * @param ids [B,T], read anew at each run, in range
     * @param wpe null for none
     * @param past [B], as ids; or [B,T], the position of each token; null for positions from 0 on
     */
    public EmbeddingKernel(int t, int c, int[] ids, Table wte, Floats wpe, int[] past, Floats y) {
        this.t = t;
        this.c = c;
        this.ids = ids;
        this.past = past == null ? new int[ids.length / t] : past;
        this.wte = wte;
        this.wpe = wpe;
        this.y = y;
        this.last = wpe == null ? 0 : wpe.length() / c - 1;
        this.sum = new float[c];
        this.row = new float[c];
    }

    /** Computes y. */
    @Override
    public void run() {
        int each = past.length == ids.length ? 1 : t; // tokens for which there is one entry of past
        for (int i = 0; i < ids.length; i++) {
            wte.read(ids[i], sum);
            if (wpe != null) {
                wpe.read(Math.min(past[i / each] + i % each, last) * c, row, 0, c);
                Simd.MATH.add(sum, row, c);
            }
            y.write(i * c, sum, 0, c);
        }
    }

    /** dy [B,T,C] to dwte [V,C] and, unless it is null, dwpe [P,C]: added up over the places where a row was used. */
    public static final class Gradient implements Runnable {
        private final int t;
        private final int c;
        private final int[] ids;
        private final int[] positions;
        private final Floats dy;
        private final Floats dwte;
        private final Floats dwpe;
        private final float[] sum;
        private final float[] row;

        /**
         * @param positions [B,T], read anew at each run; null for 0 to T-1 in each row
         * @param dwpe null for none
         */
        public Gradient(int t, int c, int[] ids, int[] positions, Floats dy, Floats dwte, Floats dwpe) {
            this.t = t;
            this.c = c;
            this.ids = ids;
            this.positions = positions;
            this.dy = dy;
            this.dwte = dwte;
            this.dwpe = dwpe;
            this.sum = new float[c];
            this.row = new float[c];
        }

        @Override
        public void run() {
            addUp(ids, dwte);
            if (positions != null && dwpe != null) {
                addUp(positions, dwpe);
                return;
            }
            int count = dwpe == null ? 0 : dwpe.length() / c;
            for (int position = 0; position < count; position++) {
                Arrays.fill(sum, 0f);
                for (int i = position; position < t && i < ids.length; i += t) {
                    dy.read(i * c, row, 0, c);
                    Simd.MATH.add(sum, row, c);
                }
                dwpe.write(position * c, sum, 0, c);
            }
        }

        /** Each row of a table becomes the sum of dy where it was used. */
        private void addUp(int[] rows, Floats table) {
            Arrays.fill(sum, 0f);
            for (int at = 0; at < table.length(); at += c) {
                table.write(at, sum, 0, c);
            }
            for (int i = 0; i < rows.length; i++) {
                dy.read(i * c, row, 0, c);
                table.read(rows[i] * c, sum, 0, c);
                Simd.MATH.add(sum, row, c);
                table.write(rows[i] * c, sum, 0, c);
            }
        }
    }
}
