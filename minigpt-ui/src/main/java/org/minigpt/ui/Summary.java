package org.minigpt.ui;

import org.deeplearning4j.ui.model.stats.api.Histogram;

/** A few numbers about many. */
record Summary(double mean, double standardDeviation, double meanMagnitude, Histogram histogram) {
    /** As many as DL4J's {@code StatsListener} has. */
    private static final int BINS = 20;

    /** @return of the values from one place up to another, which is not included; there must be one */
    static Summary of(float[] values, int from, int to) {
        int n = to - from;
        double sum = 0;
        double magnitudes = 0;
        double min = Double.POSITIVE_INFINITY;
        double max = Double.NEGATIVE_INFINITY;
        for (int i = from; i < to; i++) {
            sum += values[i];
            magnitudes += Math.abs(values[i]);
            min = Math.min(min, values[i]);
            max = Math.max(max, values[i]);
        }
        double mean = sum / n;
        double squares = 0;
        int[] counts = new int[BINS];
        double binsPerUnit = max > min ? BINS / (max - min) : 0;
        for (int i = from; i < to; i++) {
            squares += (values[i] - mean) * (values[i] - mean);
            counts[Math.min(BINS - 1, (int) ((values[i] - min) * binsPerUnit))]++;
        }
        return new Summary(mean, Math.sqrt(squares / n), magnitudes / n, new Histogram(min, max, BINS, counts));
    }
}
