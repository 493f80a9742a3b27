package org.minigpt.internal.kernels;

/** {@link Reference} for the layers that Llama has and GPT-2 has not. */
public final class LlamaReference {
    private LlamaReference() {}

    /** y = x/√(E[x²] + eps)·gain in each of the groups; see {@link RmsNormKernel}. */
    public static void rmsNorm(double[] x, RmsNormKernel.Groups at, double eps, double[] gain, double[] y) {
        System.arraycopy(x, 0, y, 0, x.length);
        for (int i = 0; i < at.rows() * at.groups(); i++) {
            int first = first(at, i);
            double scale = reciprocalRms(x, first, at.c(), eps);
            for (int j = 0; j < at.c(); j++) {
                y[first + j] = x[first + j] * scale * gain[j];
            }
        }
    }

    /** @return where the i-th group begins */
    private static int first(RmsNormKernel.Groups at, int i) {
        return i / at.groups() * at.width() + at.from() + i % at.groups() * at.c();
    }

    /**
     * With g = dy·gain and x̂ the normalised group: dx = (g - x̂·E[g·x̂])/√(E[x²] + eps), dgain = Σ dy·x̂. dgain is zero
     * on entry.
     */
    public static void rmsNormGradient(
            double[] x, RmsNormKernel.Groups at, double eps, double[] gain, double[] dy, double[] dx, double[] dGain) {
        System.arraycopy(dy, 0, dx, 0, dy.length);
        int c = at.c();
        for (int i = 0; i < at.rows() * at.groups(); i++) {
            int first = first(at, i);
            double scale = reciprocalRms(x, first, c, eps);
            double mean = 0;
            for (int j = 0; j < c; j++) {
                double hat = x[first + j] * scale;
                mean += dy[first + j] * gain[j] * hat / c;
                dGain[j] += dy[first + j] * hat;
            }
            for (int j = 0; j < c; j++) {
                dx[first + j] = scale * (dy[first + j] * gain[j] - x[first + j] * scale * mean);
            }
        }
    }

    private static double reciprocalRms(double[] x, int at, int c, double eps) {
        double sum = 0;
        for (int j = 0; j < c; j++) {
            sum += x[at + j] * x[at + j];
        }
        return 1 / Math.sqrt(sum / c + eps);
    }

    /** y [rows,n] = g·σ(g)·u with the halves g and u of x [rows,2n]; see {@link SwiGluKernel}. */
    public static void swiGlu(double[] x, int n, double[] y) {
        for (int i = 0; i < y.length; i++) {
            int gate = i / n * 2 * n + i % n;
            y[i] = x[gate] * sigmoid(x[gate]) * x[gate + n];
        }
    }

    /** dg = dy·u·σ(g)·(1 + g·(1 - σ(g))), du = dy·g·σ(g). */
    public static void swiGluGradient(double[] x, int n, double[] dy, double[] dx) {
        for (int i = 0; i < dy.length; i++) {
            int gate = i / n * 2 * n + i % n;
            double g = x[gate];
            double sigmoid = sigmoid(g);
            dx[gate] = dy[i] * x[gate + n] * sigmoid * (1 + g * (1 - sigmoid));
            dx[gate + n] = dy[i] * g * sigmoid;
        }
    }

    /** @return 1/(1 + e^-x) */
    public static double sigmoid(double x) {
        return 1 / (1 + Math.exp(-x));
    }

    /** Turns the queries and keys of qkv in place; {@code past} may be null. See {@link RotaryKernel}. */
    public static void rotate(
            double[] qkv, AttentionShape shape, double[] frequencies, boolean back, int positions, int[] past) {
        int d = shape.d();
        int rows = qkv.length / shape.width();
        for (int row = 0; row < rows; row++) {
            int at = past == null ? row % shape.t() : Reference.position(past, rows, shape.t(), row);
            int position = Math.min(at, positions - 1);
            for (int head = 0; head < shape.heads() + shape.kvHeads(); head++) {
                for (int j = 0; j < d / 2; j++) {
                    double angle = position * frequencies[j] * (back ? -1 : 1);
                    int entry = row * shape.width() + head * d + j;
                    double a = qkv[entry];
                    double b = qkv[entry + d / 2];
                    qkv[entry] = a * Math.cos(angle) - b * Math.sin(angle);
                    qkv[entry + d / 2] = b * Math.cos(angle) + a * Math.sin(angle);
                }
            }
        }
    }
}
