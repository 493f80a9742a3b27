package org.minigpt.dl4j;

import java.util.Arrays;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.minigpt.MiniGptException;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** The labels of a batch as ids [B,T], with the ignore index where none counts. */
final class Targets {
    private final INDArray ids;
    private final int[] values;
    private final int ignore;
    private final int total;

    private Targets(int[] values, int b, int ignore) {
        this.values = values;
        this.ignore = ignore;
        this.ids = Nd4j.createFromArray(values).reshape(b, values.length / b);
        this.total = counted(0, values.length);
    }

    /**
     * @param labels ids [B,T], [B,1,T] or [B,T,1], or one-hot columns in the layer's format
     * @param mask [B,T] with 0 for what does not count, or null
     * @throws MiniGptException if the labels are neither, or do not fit
     */
    static Targets of(LanguageModelOutputLayer layer, INDArray labels, INDArray mask, int b, int t) {
        long v = layer.getNOut();
        boolean ncw = layer.getDataFormat() == RNNFormat.NCW;
        long[] oneHot = ncw ? new long[] {b, v, t} : new long[] {b, t, v};
        long[] column = ncw ? new long[] {b, 1, t} : new long[] {b, t, 1};
        int[] values;
        if (Arrays.equals(labels.shape(), oneHot)) {
            values = fromOneHot(layer, ncw ? labels.permute(0, 2, 1) : labels);
        } else if (Arrays.equals(labels.shape(), new long[] {b, t}) || Arrays.equals(labels.shape(), column)) {
            values = fromIds(layer, labels);
        } else {
            throw new MiniGptException(
                    layer.describe() + " takes labels [" + b + "," + t + "], one id for each step, or one-hot "
                            + Arrays.toString(oneHot) + ", but got " + Arrays.toString(labels.shape())
                            + "; pass one of the two");
        }
        if (mask != null) {
            if (mask.length() != values.length) {
                throw new MiniGptException(
                        layer.describe() + " got a labels' mask of shape " + Arrays.toString(mask.shape())
                                + " for labels of " + b + " sequences of " + t + " steps; pass a mask [B,T]");
            }
            double[] counts = mask.dup('c').reshape(mask.length()).toDoubleVector();
            for (int i = 0; i < values.length; i++) {
                values[i] = counts[i] == 0 ? layer.getIgnoreIndex() : values[i];
            }
        }
        require(layer, values);
        return new Targets(values, b, layer.getIgnoreIndex());
    }

    private static int[] fromIds(LanguageModelOutputLayer layer, INDArray labels) {
        long[] ids = Ids.read(layer.describe(), labels);
        int[] values = new int[ids.length];
        for (int i = 0; i < ids.length; i++) {
            values[i] = (int) Math.max(Integer.MIN_VALUE, Math.min(Integer.MAX_VALUE, ids[i]));
        }
        return values;
    }

    private static int[] fromOneHot(LanguageModelOutputLayer layer, INDArray rows) {
        int v = (int) layer.getNOut();
        double[] entries = rows.dup('c').reshape(rows.length()).toDoubleVector();
        int[] values = new int[entries.length / v];
        for (int i = 0; i < values.length; i++) {
            values[i] = layer.getIgnoreIndex();
            for (int k = 0; k < v; k++) {
                double entry = entries[i * v + k];
                if (entry != 0 && (entry != 1 || values[i] != layer.getIgnoreIndex())) {
                    throw new MiniGptException(layer.describe() + " got labels that are not one-hot: step " + i
                            + " has the entry " + entry + " at token " + k
                            + "; pass a single 1 for each step, or ids [B,T]");
                }
                values[i] = entry == 1 ? k : values[i];
            }
        }
        return values;
    }

    private static void require(LanguageModelOutputLayer layer, int[] values) {
        for (int i = 0; i < values.length; i++) {
            if ((values[i] < 0 || values[i] >= layer.getNOut()) && values[i] != layer.getIgnoreIndex()) {
                throw new MiniGptException(layer.describe() + " got the label " + values[i] + " at place " + i
                        + ", but its tokens are 0 to " + (layer.getNOut() - 1) + "; pass one of them, or "
                        + layer.getIgnoreIndex() + " for none");
            }
        }
    }

    /** @return INT [B,T] */
    INDArray ids() {
        return ids;
    }

    /** @return the ids, row by row */
    int[] values() {
        return values;
    }

    /** @return the share that some rows have of all labels that count */
    double share(int firstRow, int rows) {
        int t = (int) ids.size(1);
        return total == 0 ? 0 : (double) counted(firstRow * t, (firstRow + rows) * t) / total;
    }

    private int counted(int from, int to) {
        int count = 0;
        for (int i = from; i < to; i++) {
            count += values[i] == ignore ? 0 : 1;
        }
        return count;
    }

    /**
     * @param logits [B,T,V]
     * @return for each sequence the mean cross-entropy of its labels that count, 0 if none does
     */
    double[] meanLosses(double[] logits) {
        int t = (int) ids.size(1);
        int v = logits.length / values.length;
        double[] sums = new double[(int) ids.size(0)];
        for (int i = 0; i < values.length; i++) {
            if (values[i] != ignore) {
                double max = Double.NEGATIVE_INFINITY;
                for (int k = 0; k < v; k++) {
                    max = Math.max(max, logits[i * v + k]);
                }
                double sum = 0;
                for (int k = 0; k < v; k++) {
                    sum += Math.exp(logits[i * v + k] - max);
                }
                int counted = counted(i / t * t, i / t * t + t);
                sums[i / t] += (max + Math.log(sum) - logits[i * v + values[i]]) / counted;
            }
        }
        return sums;
    }
}
