package org.minigpt.internal.simd;

/**
 * {@link TileMath} in plain Java, for any JVM without flags. What generation uses, layerNorm, rmsNorm, softmax, gelu and
 * swiGlu, has the same bits as by vectors: sums run in 16 lanes, of which then the upper half is added to the lower one until
 * one is left, and what does not fill 16 entries is added after that.
 */
class PlainTileMath implements TileMath {
    static final float LOG2_E = 1.44269504f;
    static final float LN2_HIGH = 0.693359375f;
    static final float LN2_LOW = -2.12194440e-4f;
    static final float SQRT_HALF = 0.70710678f;
    static final float INV_SQRT_2PI = 0.39894228f;
    static final float TANH_A = 0.79788456f;
    static final float TANH_B = 0.044715f;

    /** Adding 1.5·2²³ rounds to a whole number and leaves it in the low bits. */
    static final float ROUND = 12582912f;

    /** Lanes of sums. */
    static final int WIDTH = 16;

    static final float EXP_MIN = -87.33f;
    static final float EXP_MAX = 88.72f;
    static final float ERF_P = 0.3275911f;
    static final float ERF_1 = 0.254829592f;
    static final float ERF_2 = -0.284496736f;
    static final float ERF_3 = 1.421413741f;
    static final float ERF_4 = -1.453152027f;
    static final float ERF_5 = 1.061405429f;

    /**
     * e^x within 2 units in the last place: 2^n times a Taylor polynomial on |r| ≤ ln(2)/2. What is too large stays
     * finite, what is too small for a normal float is 0.
     */
    static float exp(float x) {
        if (!(x >= EXP_MIN)) {
            return x < EXP_MIN ? 0f : x; // NaN stays
        }
        float clamped = Math.min(EXP_MAX, x);
        int n = (int) (clamped * LOG2_E + (clamped < 0 ? -0.5f : 0.5f));
        float r = (clamped - n * LN2_HIGH) - n * LN2_LOW;
        float p = 1f / 5040f;
        p = p * r + 1f / 720f;
        p = p * r + 1f / 120f;
        p = p * r + 1f / 24f;
        p = p * r + 1f / 6f;
        p = p * r + 0.5f;
        p = p * r + 1f;
        p = p * r + 1f;
        // Two factors, since 2^128 by itself is infinite though e^88.72 is not.
        int half = n >> 1;
        return p * power2(half) * power2(n - half);
    }

    /** {@link #exp} as vectors compute it, by fused operations, bit for bit. */
    static float fusedExp(float x) {
        if (!(x >= EXP_MIN)) {
            return x < EXP_MIN ? 0f : x; // NaN stays
        }
        float clamped = Math.min(EXP_MAX, x);
        float shifted = Math.fma(clamped, LOG2_E, ROUND);
        float n = shifted - ROUND;
        float r = Math.fma(n, -LN2_HIGH, clamped);
        r = Math.fma(n, -LN2_LOW, r);
        float p = Math.fma(1f / 5040f, r, 1f / 720f);
        p = Math.fma(p, r, 1f / 120f);
        p = Math.fma(p, r, 1f / 24f);
        p = Math.fma(p, r, 1f / 6f);
        p = Math.fma(p, r, 0.5f);
        p = Math.fma(p, r, 1f);
        p = Math.fma(p, r, 1f);
        // The shift drops all of ROUND's bits and so leaves n in the exponent's place.
        return Float.intBitsToFloat(Float.floatToRawIntBits(p) + (Float.floatToRawIntBits(shifted) << 23));
    }

    private static float power2(int n) {
        return Float.intBitsToFloat((n + 127) << 23);
    }

    /**
     * Φ(x), the normal distribution function, by Abramowitz and Stegun's formula 7.1.26 (absolute error below 1.5e-7).
     *
     * @param gauss exp(-x²/2)
     */
    private static float normalCdf(float x, float gauss) {
        float t = 1f / (1f + ERF_P * Math.abs(x) * SQRT_HALF);
        float poly = t * (ERF_1 + t * (ERF_2 + t * (ERF_3 + t * (ERF_4 + t * ERF_5))));
        float tail = 0.5f * poly * gauss;
        return x < 0 ? tail : 1f - tail;
    }

    private static float tanh(float x) {
        return 1f - 2f / (exp(2f * x) + 1f);
    }

    /** @return the floats of a vector; 1 for none */
    int lanes() {
        return 1;
    }

    @Override
    public void relu(float[] x, int n) {
        for (int i = 0; i < n; i++) {
            x[i] = Math.max(0f, x[i]);
        }
    }

    static float reluGradient(float x, float dy) {
        return x > 0f ? dy : 0f;
    }

    /** As vectors compute it, bit for bit. */
    static float gelu(Gelu form, float x) {
        if (form == Gelu.ERF) {
            float t = 1f / Math.fma(Math.abs(x), ERF_P * SQRT_HALF, 1f);
            float poly = Math.fma(t, ERF_5, ERF_4);
            poly = Math.fma(poly, t, ERF_3);
            poly = Math.fma(poly, t, ERF_2);
            poly = Math.fma(poly, t, ERF_1);
            float tail = poly * t * fusedExp(x * x * -0.5f) * 0.5f;
            return x * (x < 0f ? tail : 1f - tail);
        }
        float inner = Math.fma(x * x, TANH_A * TANH_B, TANH_A) * x;
        float tanh = 1f - 2f / (fusedExp(inner + inner) + 1f);
        return x * 0.5f * (tanh + 1f);
    }

    static float geluDerivative(Gelu form, float x) {
        if (form == Gelu.ERF) {
            float gauss = exp(-0.5f * x * x);
            return normalCdf(x, gauss) + x * INV_SQRT_2PI * gauss;
        }
        float t = tanh(TANH_A * (x + TANH_B * x * x * x));
        float inner = TANH_A * (1f + 3f * TANH_B * x * x);
        return 0.5f * (1f + t) + 0.5f * x * (1f - t * t) * inner;
    }

    @Override
    public void reluGradient(float[] x, float[] dy, int n) {
        for (int i = 0; i < n; i++) {
            // A slope of 0 or 1 without a branch, which would be mispredicted every other time. Two factors take the
            // smallest float above 1.
            dy[i] *= Math.min(1f, Math.max(0f, x[i]) * 1e30f * 1e30f);
        }
    }

    @Override
    public void gelu(Gelu form, float[] x, int n) {
        for (int i = 0; i < n; i++) {
            x[i] = gelu(form, x[i]);
        }
    }

    @Override
    public void geluGradient(Gelu form, float[] x, float[] dy, int n) {
        for (int i = 0; i < n; i++) {
            dy[i] *= geluDerivative(form, x[i]);
        }
    }

    @Override
    public void layerNorm(float[] x, int rows, int c, float eps, float[] gain, float[] bias) {
        int whole = whole(c);
        for (int row = 0; row < rows; row++) {
            int at = row * c;
            float mean = sum(x, at, c) / c;
            float rstd = reciprocalDeviation(x, at, c, mean, eps);
            for (int j = 0; j < whole; j++) {
                float hat = (x[at + j] - mean) * rstd;
                x[at + j] = bias == null ? hat * gain[j] : Math.fma(hat, gain[j], bias[j]);
            }
            layerNormRest(x, at, whole, c, mean, rstd, gain, bias);
        }
    }

    /** The entries from {@code from} on, which do not fill 16. */
    static void layerNormRest(float[] x, int at, int from, int c, float mean, float rstd, float[] gain, float[] bias) {
        for (int j = from; j < c; j++) {
            x[at + j] = (x[at + j] - mean) * rstd * gain[j] + (bias == null ? 0f : bias[j]);
        }
    }

    /** @return the largest multiple of 16 up to n */
    static int whole(int n) {
        return n & -WIDTH;
    }

    /** @return the sum of 16 lanes, which are spoilt, by halves */
    static float sum(float[] lanes) {
        for (int half = WIDTH / 2; half > 0; half /= 2) {
            for (int l = 0; l < half; l++) {
                lanes[l] += lanes[l + half];
            }
        }
        return lanes[0];
    }

    @Override
    public void layerNormGradient(
            float[] x, float[] dy, int rows, int c, float eps, float[] gain, float[] dGain, float[] dBias) {
        for (int row = 0; row < rows; row++) {
            int at = row * c;
            float mean = sum(x, at, c) / c;
            float rstd = reciprocalDeviation(x, at, c, mean, eps);
            float sumG = 0f; // Σ dy·gain
            float sumGx = 0f; // Σ dy·gain·x̂
            for (int j = 0; j < c; j++) {
                float hat = (x[at + j] - mean) * rstd;
                x[at + j] = hat;
                float g = dy[at + j] * gain[j];
                sumG += g;
                sumGx += g * hat;
            }
            float meanG = sumG / c;
            float meanGx = sumGx / c;
            for (int j = 0; j < c; j++) {
                float hat = x[at + j];
                dGain[j] += dy[at + j] * hat;
                x[at + j] = rstd * (dy[at + j] * gain[j] - meanG - hat * meanGx);
            }
            if (dBias != null) {
                for (int j = 0; j < c; j++) {
                    dBias[j] += dy[at + j];
                }
            }
        }
    }

    /** @return 1/√(variance + eps) of x[at..at+c) */
    float reciprocalDeviation(float[] x, int at, int c, float mean, float eps) {
        float[] lanes = new float[WIDTH];
        int whole = whole(c);
        for (int j = 0; j < whole; j += WIDTH) {
            for (int l = 0; l < WIDTH; l++) {
                float d = x[at + j + l] - mean;
                lanes[l] = Math.fma(d, d, lanes[l]);
            }
        }
        return reciprocalDeviation(sum(lanes), x, at, whole, c, mean, eps);
    }

    /** @param total of the squares before {@code from} */
    static float reciprocalDeviation(float total, float[] x, int at, int from, int c, float mean, float eps) {
        float sum = total;
        for (int j = from; j < c; j++) {
            sum += (x[at + j] - mean) * (x[at + j] - mean);
        }
        return (float) (1.0 / Math.sqrt(sum / c + eps));
    }

    /** @return Σ x[at..at+n) */
    float sum(float[] x, int at, int n) {
        float[] lanes = new float[WIDTH];
        int whole = whole(n);
        for (int j = 0; j < whole; j += WIDTH) {
            for (int l = 0; l < WIDTH; l++) {
                lanes[l] += x[at + j + l];
            }
        }
        return sum(sum(lanes), x, at, whole, n);
    }

    /** @return {@code total} and the entries from {@code from} on */
    static float sum(float total, float[] x, int at, int from, int n) {
        float sum = total;
        for (int j = from; j < n; j++) {
            sum += x[at + j];
        }
        return sum;
    }

    /** @return the largest of x[at..at+n) */
    float max(float[] x, int at, int n) {
        float max = Float.NEGATIVE_INFINITY;
        for (int j = at; j < at + n; j++) {
            max = Math.max(max, x[j]);
        }
        return max;
    }

    /** x[at..at+n) = exp(x - shift). Returns the sum. */
    float expMinus(float[] x, int at, int n, float shift) {
        float[] lanes = new float[WIDTH];
        int whole = whole(n);
        for (int j = 0; j < whole; j += WIDTH) {
            for (int l = 0; l < WIDTH; l++) {
                float e = fusedExp(x[at + j + l] - shift);
                x[at + j + l] = e;
                lanes[l] += e;
            }
        }
        return expMinus(sum(lanes), x, at, whole, n, shift);
    }

    /** The entries from {@code from} on, which do not fill 16. @return {@code total} and their sum */
    static float expMinus(float total, float[] x, int at, int from, int n, float shift) {
        float sum = total;
        for (int j = at + from; j < at + n; j++) {
            x[j] = exp(x[j] - shift);
            sum += x[j];
        }
        return sum;
    }

    @Override
    public void softmax(float[] x, int at, int n) {
        float scale = 1f / expMinus(x, at, n, max(x, at, n));
        for (int j = at; j < at + n; j++) {
            x[j] *= scale;
        }
    }

    @Override
    public void softmaxColumns(float[] x, int n, int m, int seen) {
        for (int column = 0; column < m; column++) {
            softmaxColumn(x, n, m, column, Math.min(n, seen + column));
        }
    }

    /** The first {@code seen} entries of one column of x [n,m] become their softmax, the others 0. */
    static void softmaxColumn(float[] x, int n, int m, int column, int seen) {
        int end = seen * m;
        float max = Float.NEGATIVE_INFINITY;
        for (int j = column; j < end; j += m) {
            max = Math.max(max, x[j]);
        }
        float sum = 0f;
        for (int j = column; j < end; j += m) {
            x[j] = exp(x[j] - max);
            sum += x[j];
        }
        float scale = 1f / sum;
        for (int j = column; j < end; j += m) {
            x[j] *= scale;
        }
        clear(x, n, m, column, seen);
    }

    private static void clear(float[] x, int n, int m, int column, int from) {
        for (int j = from * m + column; j < n * m; j += m) {
            x[j] = 0f;
        }
    }

    @Override
    public void softmaxColumnsGradient(float[] p, float[] dp, int n, int m, int seen, float scale) {
        for (int column = 0; column < m; column++) {
            softmaxColumnGradient(p, dp, n, m, column, Math.min(n, seen + column), scale);
        }
    }

    /** The first {@code seen} entries of one column of dp [n,m] become scale·p·(dp - Σ p·dp), the others 0. */
    static void softmaxColumnGradient(float[] p, float[] dp, int n, int m, int column, int seen, float scale) {
        int end = seen * m;
        float dot = 0f;
        for (int j = column; j < end; j += m) {
            dot += p[j] * dp[j];
        }
        for (int j = column; j < end; j += m) {
            dp[j] = scale * p[j] * (dp[j] - dot);
        }
        clear(dp, n, m, column, seen);
    }

    @Override
    public float logSumExp(float[] x, int at, int n) {
        float max = max(x, at, n);
        return max + (float) Math.log(expMinus(x, at, n, max));
    }

    @Override
    public void adamW(AdamW step, float[] p, float[] g, float[] m, float[] v, int n) {
        adamW(step, p, g, m, v, 0, n);
    }

    /** The entries from {@code from} to {@code to}. */
    static void adamW(AdamW step, float[] p, float[] g, float[] m, float[] v, int from, int to) {
        for (int i = from; i < to; i++) {
            float gradient = g[i] * step.factor();
            float first = m[i] * step.beta1() + gradient * step.rest1();
            float second = v[i] * step.beta2() + step.rest2() * gradient * gradient;
            float denominator = (float) Math.sqrt(second) + step.scaledEps();
            m[i] = first;
            v[i] = second;
            p[i] = p[i] * step.keep() - step.scaledStepSize() * first / denominator;
        }
    }

    @Override
    public double sumOfSquares(float[] x, int n) {
        return sumOfSquares(x, 0, n);
    }

    /** Σ x[from..to)² in four lanes, for one chain of additions would wait for each of its sums. */
    static double sumOfSquares(float[] x, int from, int to) {
        double s0 = 0;
        double s1 = 0;
        double s2 = 0;
        double s3 = 0;
        int i = from;
        for (; i + 3 < to; i += 4) {
            s0 += (double) x[i] * x[i];
            s1 += (double) x[i + 1] * x[i + 1];
            s2 += (double) x[i + 2] * x[i + 2];
            s3 += (double) x[i + 3] * x[i + 3];
        }
        for (; i < to; i++) {
            s0 += (double) x[i] * x[i];
        }
        return (s0 + s1) + (s2 + s3);
    }

    @Override
    public void add(float[] a, float[] b, int n) {
        for (int i = 0; i < n; i++) {
            a[i] += b[i];
        }
    }

    @Override
    public void scale(float[] a, float scale, int n) {
        for (int i = 0; i < n; i++) {
            a[i] *= scale;
        }
    }

    @Override
    public void addScaled(float[] a, float[] b, float scale, int n) {
        for (int i = 0; i < n; i++) {
            a[i] += scale * b[i];
        }
    }

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
        float[] lanes = new float[WIDTH];
        int whole = whole(c);
        for (int j = 0; j < whole; j += WIDTH) {
            for (int l = 0; l < WIDTH; l++) {
                lanes[l] = Math.fma(x[at + j + l], x[at + j + l], lanes[l]);
            }
        }
        float total = sum(lanes) + sumOfFloatSquares(x, at + whole, at + c);
        return (float) (1 / Math.sqrt(total / c + eps));
    }

    /** Σ x[from..to)² in four lanes, which round less than one chain. */
    static float sumOfFloatSquares(float[] x, int from, int to) {
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
        int whole = whole(n);
        for (int j = 0; j < whole; j++) {
            float gate = x[at + j];
            y[yAt + j] = gate / (fusedExp(-gate) + 1f) * x[at + n + j];
        }
        swiGlu(x, at, whole, n, y, yAt);
    }

    /** The entries from {@code from} on, which do not fill 16. */
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
        return 1f / (1f + exp(-x));
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
