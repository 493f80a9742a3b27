package org.minigpt.internal.kernels;

import org.minigpt.internal.simd.Simd;

/**
 * Softmax cross-entropy of logits [rows,V] against target ids: the mean over the counted rows of
 * log Σ exp(logits) - logits[target]. Rows whose target is the ignore index are not counted; if none is, the loss is 0.
 */
public final class CrossEntropyKernel implements Runnable {
    private final int v;
    private final Floats logits;
    private final int[] targets;
    private final int ignore;
    private final Floats loss;
    private final int tileRows;
    private final float[] tile;

    /**
     * @param v the vocabulary size
     * @param targets [rows], read anew at each run: in range, or {@code ignore}
     * @param loss a scalar
     */
    public CrossEntropyKernel(int v, Floats logits, int[] targets, int ignore, Floats loss) {
        this.v = v;
        this.logits = logits;
        this.targets = targets;
        this.ignore = ignore;
        this.loss = loss;
        this.tileRows = Tiles.rows(targets.length, v);
        this.tile = new float[tileRows * v];
    }

    /** Computes the loss. */
    @Override
    public void run() {
        double total = 0;
        int counted = 0;
        for (int row = 0; row < targets.length; row += tileRows) {
            int n = Math.min(tileRows, targets.length - row);
            logits.read(row * v, tile, 0, n * v);
            for (int i = 0; i < n; i++) {
                int target = targets[row + i];
                if (target != ignore) {
                    float logit = tile[i * v + target];
                    total += Simd.MATH.logSumExp(tile, i * v, v) - logit;
                    counted++;
                }
            }
        }
        loss.put(0, counted == 0 ? 0f : (float) (total / counted));
    }

    /** dLogits = (softmax(logits) - onehot(target))·dLoss/counted on counted rows, 0 on the others. */
    public static final class Gradient implements Runnable {
        private final int v;
        private final Floats logits;
        private final int[] targets;
        private final int ignore;
        private final Floats dLoss;
        private final Floats dLogits;
        private final int tileRows;
        private final float[] tile;

        public Gradient(int v, Floats logits, int[] targets, int ignore, Floats dLoss, Floats dLogits) {
            this.v = v;
            this.logits = logits;
            this.targets = targets;
            this.ignore = ignore;
            this.dLoss = dLoss;
            this.dLogits = dLogits;
            this.tileRows = Tiles.rows(targets.length, v);
            this.tile = new float[tileRows * v];
        }

        @Override
        public void run() {
            int counted = 0;
            for (int target : targets) {
                counted += target != ignore ? 1 : 0;
            }
            float scale = counted == 0 ? 0f : dLoss.get(0) / counted;
            for (int row = 0; row < targets.length; row += tileRows) {
                int n = Math.min(tileRows, targets.length - row);
                logits.read(row * v, tile, 0, n * v);
                for (int i = 0; i < n; i++) {
                    int target = targets[row + i];
                    if (target != ignore) {
                        Simd.MATH.softmax(tile, i * v, v);
                        tile[i * v + target] -= 1f;
                    }
                    float rowScale = target == ignore ? 0f : scale;
                    for (int j = i * v; j < (i + 1) * v; j++) {
                        tile[j] *= rowScale;
                    }
                }
                dLogits.write(row * v, tile, 0, n * v);
            }
        }
    }
}
