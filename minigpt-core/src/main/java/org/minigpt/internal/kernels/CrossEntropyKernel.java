package org.minigpt.internal.kernels;

import org.minigpt.internal.simd.Simd;

/**
 * Softmax cross-entropy of logits [rows,V] against target ids: the mean over the counted rows of
 * log Σ exp(logits) - logits[target]. Rows whose target is the ignore index are not counted; if none is, the loss is 0.
 */
public final class CrossEntropyKernel {
    private final int rows;
    private final int v;
    private final int tileRows;
    private final float[] tile;

    /** @param v the vocabulary size */
    public CrossEntropyKernel(int rows, int v) {
        this.rows = rows;
        this.v = v;
        this.tileRows = Tiles.rows(rows, v);
        this.tile = new float[tileRows * v];
    }

    /** @return the loss; {@code targets} [rows] are in range or {@code ignore} */
    public float forward(Floats logits, int[] targets, int ignore) {
        double total = 0;
        int counted = 0;
        for (int row = 0; row < rows; row += tileRows) {
            int n = Math.min(tileRows, rows - row);
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
        return counted == 0 ? 0f : (float) (total / counted);
    }

    /** dLogits = (softmax(logits) - onehot(target))·dLoss/counted on counted rows, 0 on the others. */
    public void backward(Floats logits, int[] targets, int ignore, float dLoss, Floats dLogits) {
        int counted = 0;
        for (int target : targets) {
            counted += target != ignore ? 1 : 0;
        }
        float scale = counted == 0 ? 0f : dLoss / counted;
        for (int row = 0; row < rows; row += tileRows) {
            int n = Math.min(tileRows, rows - row);
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
