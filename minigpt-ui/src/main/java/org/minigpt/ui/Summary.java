package org.minigpt.ui;

/** A few numbers about many. */
record Summary(double mean, double standardDeviation, double meanMagnitude) {

    /** @return of the values from one place up to another, which is not included; there must be one */
    static Summary of(float[] values, int from, int to) {
        int n = to - from;
        double sum = 0;
        double magnitudes = 0;
        for (int i = from; i < to; i++) {
            sum += values[i];
            magnitudes += Math.abs(values[i]);
        }
        double mean = sum / n;
        double squares = 0;
        for (int i = from; i < to; i++) {
            squares += (values[i] - mean) * (values[i] - mean);
        }
        return new Summary(mean, Math.sqrt(squares / n), magnitudes / n);
    }
}
