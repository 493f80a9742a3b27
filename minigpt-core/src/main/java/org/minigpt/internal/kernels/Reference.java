package org.minigpt.internal.kernels;

import org.apache.commons.math3.special.Erf;
import org.minigpt.internal.random.DropoutMask;
import org.minigpt.internal.simd.Gelu;

/**
 * Every operation in double precision, in plain loops that follow the equations. It serves graphs of type DOUBLE
 * (gradient checks, parity with other implementations), where exactness counts and speed does not, and is what the
 * tiled float kernels are tested against. Arrays are packed row-major; an absent bias is null.
 */
public final class Reference {
    private static final double SQRT_2_OVER_PI = Math.sqrt(2 / Math.PI);

    private Reference() {}

    /** y[b,t] = wte[ids[b,t]] + wpe[past[b] + t]; wpe and past may be null. See {@link EmbeddingKernel}. */
    public static void embedding(int[] ids, double[] wte, double[] wpe, int[] past, int t, int c, double[] y) {
        for (int i = 0; i < ids.length; i++) {
            int position = past == null ? i % t : Math.min(position(past, ids.length, t, i), wpe.length / c - 1);
            for (int j = 0; j < c; j++) {
                y[i * c + j] = wte[ids[i] * c + j] + (wpe == null ? 0 : wpe[position * c + j]);
            }
        }
    }

    /** @return the position of token i of n in rows of t, by {@code past} [B], or [B,T] if that has all of them */
    static int position(int[] past, int n, int t, int i) {
        return past.length == n ? past[i] : past[i / t] + i % t;
    }

    /**
     * dwte[v] = Σ dy where ids = v; dwpe[p] = Σ dy where the position is p, unless it is null. Both are zero on entry.
     *
     * @param positions [B,T]; null for 0 to T-1 in each row
     */
    public static void embeddingGradient(
            int[] ids, double[] dy, int[] positions, int t, int c, double[] dwte, double[] dwpe) {
        for (int i = 0; i < ids.length; i++) {
            for (int j = 0; j < c; j++) {
                dwte[ids[i] * c + j] += dy[i * c + j];
                if (dwpe != null) {
                    dwpe[(positions == null ? i % t : positions[i]) * c + j] += dy[i * c + j];
                }
            }
        }
    }

    /** y = (x - E[x])/√(Var[x] + eps)·gain + bias over rows of c; see {@link LayerNormKernel}. */
    public static void layerNorm(double[] x, int c, double eps, double[] gain, double[] bias, double[] y) {
        for (int at = 0; at < x.length; at += c) {
            double mean = mean(x, at, c);
            double rstd = 1 / Math.sqrt(variance(x, at, c, mean) + eps);
            for (int j = 0; j < c; j++) {
                y[at + j] = (x[at + j] - mean) * rstd * gain[j] + (bias == null ? 0 : bias[j]);
            }
        }
    }

    /**
     * With g = dy·gain and x̂ the normalised row: dx = (g - E[g] - x̂·E[g·x̂])/√(Var[x] + eps), dgain = Σ dy·x̂,
     * dbias = Σ dy. dgain and dbias are zero on entry.
     */
    public static void layerNormGradient(
            double[] x, int c, double eps, double[] gain, double[] dy, double[] dx, double[] dGain, double[] dBias) {
        for (int at = 0; at < x.length; at += c) {
            double mean = mean(x, at, c);
            double rstd = 1 / Math.sqrt(variance(x, at, c, mean) + eps);
            double meanG = 0;
            double meanGx = 0;
            for (int j = 0; j < c; j++) {
                double hat = (x[at + j] - mean) * rstd;
                double g = dy[at + j] * gain[j];
                meanG += g / c;
                meanGx += g * hat / c;
                dGain[j] += dy[at + j] * hat;
                if (dBias != null) {
                    dBias[j] += dy[at + j];
                }
            }
            for (int j = 0; j < c; j++) {
                double hat = (x[at + j] - mean) * rstd;
                dx[at + j] = rstd * (dy[at + j] * gain[j] - meanG - hat * meanGx);
            }
        }
    }

    private static double mean(double[] x, int at, int n) {
        double sum = 0;
        for (int j = 0; j < n; j++) {
            sum += x[at + j];
        }
        return sum / n;
    }

    private static double variance(double[] x, int at, int n, double mean) {
        double sum = 0;
        for (int j = 0; j < n; j++) {
            sum += (x[at + j] - mean) * (x[at + j] - mean);
        }
        return sum / n;
    }

    /** y [rows,out] = x [rows,in]·W + b, W [in,out] or, if {@code outIn}, [out,in]. */
    public static void linear(double[] x, double[] w, boolean outIn, double[] b, int in, int out, double[] y) {
        for (int row = 0; row < x.length / in; row++) {
            for (int o = 0; o < out; o++) {
                double sum = b == null ? 0 : b[o];
                for (int i = 0; i < in; i++) {
                    sum += x[row * in + i] * w[outIn ? o * in + i : i * out + o];
                }
                y[row * out + o] = sum;
            }
        }
    }

    /** dx = dy·Wᵀ, dW = xᵀ·dy in W's layout, db = Σ dy. All are zero on entry. */
    public static void linearGradient(
            double[] x,
            double[] w,
            boolean outIn,
            double[] dy,
            int in,
            int out,
            double[] dx,
            double[] dw,
            double[] db) {
        for (int row = 0; row < x.length / in; row++) {
            for (int o = 0; o < out; o++) {
                double g = dy[row * out + o];
                for (int i = 0; i < in; i++) {
                    int at = outIn ? o * in + i : i * out + o;
                    dx[row * in + i] += g * w[at];
                    dw[at] += g * x[row * in + i];
                }
                if (db != null) {
                    db[o] += g;
                }
            }
        }
    }

    /**
     * Causal attention of qkv [B,T,3C] into y [B,T,C], zero on entry; see {@link AttentionKernel}.
     *
     * @param positions [B,T], null if each row is one text
     */
    public static void attention(double[] qkv, AttentionShape shape, int[] positions, DropoutMask mask, double[] y) {
        int d = shape.d();
        for (int row = 0; row < qkv.length / shape.width(); row++) {
            for (int head = 0; head < shape.heads(); head++) {
                double[] p = probabilities(qkv, row, shape, positions, head);
                for (int j = 0; j < p.length; j++) {
                    int key = row - (p.length - 1) + j;
                    double weight = p[j] * mask.factor(maskIndex(row, shape, head, key));
                    int v = key * shape.width() + shape.v(head);
                    for (int k = 0; k < d; k++) {
                        y[row * shape.c() + shape.q(head) + k] += weight * qkv[v + k];
                    }
                }
            }
        }
    }

    /**
     * dv = pᵀ·dy; dp = dy·vᵀ; ds = p·(dp - Σ p·dp)/√D; dq = ds·k; dk = dsᵀ·q. {@code dqkv} is zero on entry.
     */
    public static void attentionGradient(
            double[] qkv, AttentionShape shape, int[] positions, DropoutMask mask, double[] dy, double[] dqkv) {
        int d = shape.d();
        int width = shape.width();
        double scale = 1 / Math.sqrt(d);
        for (int row = 0; row < qkv.length / width; row++) {
            for (int head = 0; head < shape.heads(); head++) {
                double[] p = probabilities(qkv, row, shape, positions, head);
                double[] dp = new double[p.length];
                int firstKey = row - (p.length - 1);
                double dot = 0;
                for (int j = 0; j < p.length; j++) {
                    double factor = mask.factor(maskIndex(row, shape, head, firstKey + j));
                    int v = (firstKey + j) * width + shape.v(head);
                    for (int k = 0; k < d; k++) {
                        double g = dy[row * shape.c() + shape.q(head) + k];
                        dp[j] += g * qkv[v + k] * factor;
                        dqkv[v + k] += p[j] * factor * g;
                    }
                    dot += p[j] * dp[j];
                }
                int q = row * width + shape.q(head);
                for (int j = 0; j < p.length; j++) {
                    double ds = p[j] * (dp[j] - dot) * scale;
                    int key = (firstKey + j) * width + shape.k(head);
                    for (int k = 0; k < d; k++) {
                        dqkv[q + k] += ds * qkv[key + k];
                        dqkv[key + k] += ds * qkv[q + k];
                    }
                }
            }
        }
    }

    /**
     * softmax(q·kᵀ/√D - slope·distance) of one query row over the keys that it sees, the last of which is its own: as
     * many as its position plus one.
     */
    private static double[] probabilities(double[] qkv, int row, AttentionShape shape, int[] positions, int head) {
        double[] p = new double[1 + (positions == null ? row % shape.t() : positions[row])];
        int q = row * shape.width() + shape.q(head);
        for (int j = 0; j < p.length; j++) {
            int key = (row - (p.length - 1) + j) * shape.width() + shape.k(head);
            for (int k = 0; k < shape.d(); k++) {
                p[j] += qkv[q + k] * qkv[key + k];
            }
            p[j] = p[j] / Math.sqrt(shape.d()) - shape.slope(head) * (p.length - 1 - j);
        }
        softmax(p, 0, p.length);
        return p;
    }

    private static long maskIndex(int row, AttentionShape shape, int head, int key) {
        int t = shape.t();
        return (((long) (row / t) * shape.heads() + head) * t + row % t) * t + key % t;
    }

    /** x[at..at+n) becomes its softmax. */
    public static void softmax(double[] x, int at, int n) {
        double logSumExp = logSumExp(x, at, n);
        for (int j = at; j < at + n; j++) {
            x[j] = Math.exp(x[j] - logSumExp);
        }
    }

    private static double logSumExp(double[] x, int at, int n) {
        double max = Double.NEGATIVE_INFINITY;
        for (int j = at; j < at + n; j++) {
            max = Math.max(max, x[j]);
        }
        double sum = 0;
        for (int j = at; j < at + n; j++) {
            sum += Math.exp(x[j] - max);
        }
        return max + Math.log(sum);
    }

    /** @return GELU(x) in the given form */
    public static double gelu(Gelu form, double x) {
        return switch (form) {
            case ERF -> 0.5 * x * (1 + Erf.erf(x / Math.sqrt(2)));
            case TANH -> 0.5 * x * (1 + Math.tanh(SQRT_2_OVER_PI * (x + 0.044715 * x * x * x)));
        };
    }

    /** @return GELU'(x): Φ(x) + x·φ(x), or the derivative of the tanh form */
    public static double geluDerivative(Gelu form, double x) {
        return switch (form) {
            case ERF -> 0.5 * (1 + Erf.erf(x / Math.sqrt(2))) + x * Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
            case TANH -> {
                double tanh = Math.tanh(SQRT_2_OVER_PI * (x + 0.044715 * x * x * x));
                double inner = SQRT_2_OVER_PI * (1 + 3 * 0.044715 * x * x);
                yield 0.5 * (1 + tanh) + 0.5 * x * (1 - tanh * tanh) * inner;
            }
        };
    }

    /** @return the mean over the counted rows of log Σ exp(logits) - logits[target]; see {@link CrossEntropyKernel} */
    public static double crossEntropy(double[] logits, int v, int[] targets, int ignore) {
        double total = 0;
        int counted = 0;
        for (int row = 0; row < targets.length; row++) {
            if (targets[row] != ignore) {
                total += logSumExp(logits, row * v, v) - logits[row * v + targets[row]];
                counted++;
            }
        }
        return counted == 0 ? 0 : total / counted;
    }

    /** dLogits = (softmax(logits) - onehot(target))·dLoss/counted on counted rows, 0 on the others. */
    public static void crossEntropyGradient(
            double[] logits, int v, int[] targets, int ignore, double dLoss, double[] dLogits) {
        int counted = 0;
        for (int target : targets) {
            counted += target != ignore ? 1 : 0;
        }
        for (int row = 0; row < targets.length; row++) {
            if (targets[row] != ignore) {
                System.arraycopy(logits, row * v, dLogits, row * v, v);
                softmax(dLogits, row * v, v);
                dLogits[row * v + targets[row]] -= 1;
                for (int j = row * v; j < (row + 1) * v; j++) {
                    dLogits[j] *= dLoss / counted;
                }
            }
        }
    }
}
