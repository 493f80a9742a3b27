package org.minigpt.internal.kernels;

/** {@link LlamaMath} in plain Java; each method does the entries that vectors leave over, too. */
class PlainLlamaMath implements LlamaMath {

    @Override
    public void rmsNorm(float[] x, int rows, int c, float eps, float[] gain) {
        for (int row = 0; row < rows; row++) {
            int at = row * c;
            float scale = reciprocalRms(x, at, c, eps);
            for (int j = 0; j < c; j++) {
                x[at + j] = x[at + j] * scale * gain[j];
            }
        }
    }

    @Override
    public void rmsNormGradient(float[] x, float[] dy, int rows, int c, float eps, float[] gain, float[] dGain) {
        for (int row = 0; row < rows; row++) {
            int at = row * c;
            float scale = reciprocalRms(x, at, c, eps);
            float sum = 0f; // Σ dy·gain·x̂
            for (int j = 0; j < c; j++) {
                float hat = x[at + j] * scale;
                x[at + j] = hat;
                sum += dy[at + j] * gain[j] * hat;
            }
            float mean = sum / c;
            for (int j = 0; j < c; j++) {
                float hat = x[at + j];
                dGain[j] += dy[at + j] * hat;
                x[at + j] = scale * (dy[at + j] * gain[j] - hat * mean);
            }
        }
    }

    /** @return 1/√(E[x²] + eps) of x[at..at+c) */
    float reciprocalRms(float[] x, int at, int c, float eps) {
        return (float) (1 / Math.sqrt(sumOfSquares(x, at, at + c) / c + eps));
    }

    /** Σ x[from..to)² in four lanes, which round less than one chain. */
    static float sumOfSquares(float[] x, int from, int to) {
        float s0 = 0f;
        float s1 = 0f;
        float s2 = 0f;
        float s3 = 0f;
        int j = from;
        for (; j + 3 < to; j += 4) {
            s0 += x[j] * x[j];
            s1 += x[j + 1] * x[j + 1];
            s2 += x[j + 2] * x[j + 2];
            s3 += x[j + 3] * x[j + 3];
        }
        for (; j < to; j++) {
            s0 += x[j] * x[j];
        }
        return (s0 + s1) + (s2 + s3);
    }

    @Override
    public void swiGlu(float[] x, int at, int n, float[] y, int yAt) {
        swiGlu(x, at, 0, n, y, yAt);
    }

    /** The entries from {@code from} on. */
    static void swiGlu(float[] x, int at, int from, int n, float[] y, int yAt) {
        for (int j = from; j < n; j++) {
            y[yAt + j] = x[at + j] * sigmoid(x[at + j]) * x[at + n + j];
        }
    }

    @Override
    public void swiGluGradient(float[] x, int at, int n, float[] dy, int yAt) {
        swiGluGradient(x, at, 0, n, dy, yAt);
    }

    /** The entries from {@code from} on. */
    static void swiGluGradient(float[] x, int at, int from, int n, float[] dy, int yAt) {
        for (int j = from; j < n; j++) {
            float gate = x[at + j];
            float sigmoid = sigmoid(gate);
            float d = dy[yAt + j];
            // silu' = σ + g·σ·(1-σ)
            x[at + j] = d * x[at + n + j] * sigmoid * (1f + gate * (1f - sigmoid));
            x[at + n + j] = d * gate * sigmoid;
        }
    }

    private static float sigmoid(float x) {
        return 1f / (1f + PlainMath.exp(-x));
    }

    @Override
    public void rotate(float[] x, int at, int n, float[] cos, float[] sin, int angle) {
        rotate(x, at, 0, n, cos, sin, angle);
    }

    /** The pairs from {@code from} on. */
    static void rotate(float[] x, int at, int from, int n, float[] cos, float[] sin, int angle) {
        for (int j = from; j < n; j++) {
            float a = x[at + j];
            float b = x[at + n + j];
            x[at + j] = a * cos[angle + j] - b * sin[angle + j];
            x[at + n + j] = b * cos[angle + j] + a * sin[angle + j];
        }
    }
}
