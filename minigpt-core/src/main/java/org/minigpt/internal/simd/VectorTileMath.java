package org.minigpt.internal.simd;

import java.lang.constant.ConstantDescs;
import java.lang.invoke.MethodHandles;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link TileMath} with the Vector API; what is left to the superclass the JIT vectorises by itself, and so are the
 * entries that do not fill a vector. {@link Simd} decides whether this class is loaded.
 *
 * <p>Lanes are added up by a fixed tree: the order of {@code reduceLanes(ADD)} is not specified and differs between
 * interpreter and compilers, so that a run would not repeat to the bit.
 */
final class VectorTileMath extends PlainTileMath {
    private static final VectorSpecies<Float> F = species(MethodHandles.lookup());
    private static final int LANES = F.length();

    /** Rotations by half, a quarter, an eighth... of the lanes. */
    private static final VectorShuffle<Float> ROTATE_8 = rotation(8);

    private static final VectorShuffle<Float> ROTATE_4 = rotation(4);
    private static final VectorShuffle<Float> ROTATE_2 = rotation(2);
    private static final VectorShuffle<Float> ROTATE_1 = rotation(1);

    /**
     * @return the vectors of a class: the machine's, or those that it is given as class data when it is defined once more as a
     *     hidden class. So there can be variants for any vectors, and each has them as a constant, as the JIT wants it
     */
    static VectorSpecies<Float> species(MethodHandles.Lookup variant) {
        try {
            VectorSpecies<?> given = MethodHandles.classData(variant, ConstantDescs.DEFAULT_NAME, VectorSpecies.class);
            return given == null ? FloatVector.SPECIES_PREFERRED : given.check(float.class);
        } catch (IllegalAccessException e) {
            throw new IllegalArgumentException("not the lookup of the class itself", e);
        }
    }

    private static VectorShuffle<Float> rotation(int by) {
        return VectorShuffle.iota(F, by, 1, true);
    }

    /** @return the sum of the lanes, by halves */
    static float sum(FloatVector v) {
        if (LANES >= 16) {
            v = v.add(v.rearrange(ROTATE_8));
        }
        if (LANES >= 8) {
            v = v.add(v.rearrange(ROTATE_4));
        }
        if (LANES >= 4) {
            v = v.add(v.rearrange(ROTATE_2));
        }
        return v.add(v.rearrange(ROTATE_1)).lane(0);
    }

    /** e^x: {@link PlainTileMath#exp} on all lanes. */
    static FloatVector exp(FloatVector x) {
        FloatVector clamped = x.max(EXP_MIN).min(EXP_MAX);
        FloatVector shifted = clamped.fma(FloatVector.broadcast(F, LOG2_E), FloatVector.broadcast(F, ROUND));
        FloatVector n = shifted.sub(ROUND);
        FloatVector r = n.fma(FloatVector.broadcast(F, -LN2_HIGH), clamped);
        r = n.fma(FloatVector.broadcast(F, -LN2_LOW), r);
        FloatVector p = FloatVector.broadcast(F, 1f / 5040f);
        p = p.fma(r, FloatVector.broadcast(F, 1f / 720f));
        p = p.fma(r, FloatVector.broadcast(F, 1f / 120f));
        p = p.fma(r, FloatVector.broadcast(F, 1f / 24f));
        p = p.fma(r, FloatVector.broadcast(F, 1f / 6f));
        p = p.fma(r, FloatVector.broadcast(F, 0.5f));
        p = p.fma(r, FloatVector.broadcast(F, 1f));
        p = p.fma(r, FloatVector.broadcast(F, 1f));
        // The shift drops all of ROUND's bits and so leaves n in the exponent's place.
        IntVector exponent = shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
        FloatVector result = p.reinterpretAsInts().add(exponent).reinterpretAsFloats();
        VectorMask<Float> vanishing = x.compare(VectorOperators.LT, EXP_MIN);
        VectorMask<Float> nan = x.compare(VectorOperators.NE, x);
        return result.blend(0f, vanishing).blend(x, nan);
    }

    private static FloatVector normalCdf(FloatVector x, FloatVector gauss) {
        FloatVector one = FloatVector.broadcast(F, 1f);
        FloatVector t = one.div(x.abs().fma(FloatVector.broadcast(F, ERF_P * SQRT_HALF), one));
        FloatVector poly = t.fma(FloatVector.broadcast(F, ERF_5), FloatVector.broadcast(F, ERF_4));
        poly = poly.fma(t, FloatVector.broadcast(F, ERF_3));
        poly = poly.fma(t, FloatVector.broadcast(F, ERF_2));
        poly = poly.fma(t, FloatVector.broadcast(F, ERF_1));
        FloatVector tail = poly.mul(t).mul(gauss).mul(0.5f);
        return one.sub(tail).blend(tail, x.compare(VectorOperators.LT, 0f));
    }

    private static FloatVector tanh(FloatVector x) {
        FloatVector e = exp(x.add(x)).add(1f);
        return FloatVector.broadcast(F, 1f).sub(FloatVector.broadcast(F, 2f).div(e));
    }

    private static FloatVector tanhInner(FloatVector x) {
        return x.mul(x)
                .fma(FloatVector.broadcast(F, TANH_A * TANH_B), FloatVector.broadcast(F, TANH_A))
                .mul(x);
    }

    @Override
    int lanes() {
        return LANES;
    }

    @Override
    public void reluGradient(float[] x, float[] dy, int n) {
        int i = 0;
        for (; i <= n - LANES; i += LANES) {
            VectorMask<Float> off = FloatVector.fromArray(F, x, i).compare(VectorOperators.LE, 0f);
            FloatVector.fromArray(F, dy, i).blend(0f, off).intoArray(dy, i);
        }
        for (; i < n; i++) {
            dy[i] = reluGradient(x[i], dy[i]);
        }
    }

    @Override
    public void gelu(Gelu form, float[] x, int n) {
        int i = 0;
        for (; i <= n - LANES; i += LANES) {
            FloatVector v = FloatVector.fromArray(F, x, i);
            FloatVector y;
            if (form == Gelu.ERF) {
                y = v.mul(normalCdf(v, exp(v.mul(v).mul(-0.5f))));
            } else {
                y = v.mul(0.5f).mul(tanh(tanhInner(v)).add(1f));
            }
            y.intoArray(x, i);
        }
        for (; i < n; i++) {
            x[i] = gelu(form, x[i]);
        }
    }

    @Override
    public void geluGradient(Gelu form, float[] x, float[] dy, int n) {
        int i = 0;
        for (; i <= n - LANES; i += LANES) {
            FloatVector v = FloatVector.fromArray(F, x, i);
            FloatVector derivative;
            if (form == Gelu.ERF) {
                FloatVector gauss = exp(v.mul(v).mul(-0.5f));
                derivative = v.mul(gauss).fma(FloatVector.broadcast(F, INV_SQRT_2PI), normalCdf(v, gauss));
            } else {
                FloatVector t = tanh(tanhInner(v));
                FloatVector inner =
                        v.mul(v).fma(FloatVector.broadcast(F, 3f * TANH_A * TANH_B), FloatVector.broadcast(F, TANH_A));
                FloatVector slope =
                        FloatVector.broadcast(F, 1f).sub(t.mul(t)).mul(inner).mul(v);
                derivative = t.add(1f).add(slope).mul(0.5f);
            }
            FloatVector.fromArray(F, dy, i).mul(derivative).intoArray(dy, i);
        }
        for (; i < n; i++) {
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
            for (int j = 0; j < whole; j += LANES) {
                FloatVector hat = FloatVector.fromArray(F, x, at + j).sub(mean).mul(rstd);
                FloatVector g = FloatVector.fromArray(F, gain, j);
                FloatVector y = bias == null ? hat.mul(g) : hat.fma(g, FloatVector.fromArray(F, bias, j));
                y.intoArray(x, at + j);
            }
            layerNormRest(x, at, whole, c, mean, rstd, gain, bias);
        }
    }

    @Override
    public void layerNormGradient(
            float[] x, float[] dy, int rows, int c, float eps, float[] gain, float[] dGain, float[] dBias) {
        int whole = F.loopBound(c);
        for (int row = 0; row < rows; row++) {
            int at = row * c;
            float mean = sum(x, at, c) / c;
            float rstd = reciprocalDeviation(x, at, c, mean, eps);
            FloatVector sumsG = FloatVector.zero(F);
            FloatVector sumsGx = FloatVector.zero(F);
            int j = 0;
            for (; j < whole; j += LANES) {
                FloatVector hat = FloatVector.fromArray(F, x, at + j).sub(mean).mul(rstd);
                FloatVector d = FloatVector.fromArray(F, dy, at + j);
                FloatVector g = d.mul(FloatVector.fromArray(F, gain, j));
                sumsG = sumsG.add(g);
                sumsGx = g.fma(hat, sumsGx);
                hat.intoArray(x, at + j);
                d.fma(hat, FloatVector.fromArray(F, dGain, j)).intoArray(dGain, j);
                if (dBias != null) {
                    FloatVector.fromArray(F, dBias, j).add(d).intoArray(dBias, j);
                }
            }
            float sumG = sum(sumsG);
            float sumGx = sum(sumsGx);
            for (; j < c; j++) {
                float hat = (x[at + j] - mean) * rstd;
                sumG += dy[at + j] * gain[j];
                sumGx += dy[at + j] * gain[j] * hat;
                x[at + j] = hat;
                dGain[j] += dy[at + j] * hat;
                if (dBias != null) {
                    dBias[j] += dy[at + j];
                }
            }
            float meanG = sumG / c;
            float meanGx = sumGx / c;
            for (j = 0; j < whole; j += LANES) {
                FloatVector hat = FloatVector.fromArray(F, x, at + j);
                FloatVector g = FloatVector.fromArray(F, dy, at + j).mul(FloatVector.fromArray(F, gain, j));
                g.sub(meanG).sub(hat.mul(meanGx)).mul(rstd).intoArray(x, at + j);
            }
            for (; j < c; j++) {
                x[at + j] = rstd * (dy[at + j] * gain[j] - meanG - x[at + j] * meanGx);
            }
        }
    }

    @Override
    float reciprocalDeviation(float[] x, int at, int c, float mean, float eps) {
        if (LANES < WIDTH / 2) {
            return super.reciprocalDeviation(x, at, c, mean, eps);
        }
        FloatVector low = FloatVector.zero(F);
        FloatVector high = FloatVector.zero(F);
        int whole = whole(c);
        for (int j = 0; j < whole; j += WIDTH) {
            FloatVector d = FloatVector.fromArray(F, x, at + j).sub(mean);
            low = d.fma(d, low);
            if (LANES < WIDTH) {
                d = FloatVector.fromArray(F, x, at + j + LANES).sub(mean);
                high = d.fma(d, high);
            }
        }
        return reciprocalDeviation(sum(low, high), x, at, whole, c, mean, eps);
    }

    /** @return the sum of 16 lanes, which are one vector or two, by halves */
    private static float sum(FloatVector low, FloatVector high) {
        return sum(LANES < WIDTH ? low.add(high) : low);
    }

    @Override
    float sum(float[] x, int at, int n) {
        if (LANES < WIDTH / 2) {
            return super.sum(x, at, n);
        }
        FloatVector low = FloatVector.zero(F);
        FloatVector high = FloatVector.zero(F);
        int whole = whole(n);
        for (int j = 0; j < whole; j += WIDTH) {
            low = low.add(FloatVector.fromArray(F, x, at + j));
            if (LANES < WIDTH) {
                high = high.add(FloatVector.fromArray(F, x, at + j + LANES));
            }
        }
        return sum(sum(low, high), x, at, whole, n);
    }

    @Override
    float max(float[] x, int at, int n) {
        FloatVector maxima = FloatVector.broadcast(F, Float.NEGATIVE_INFINITY);
        int j = 0;
        for (; j <= n - LANES; j += LANES) {
            maxima = maxima.max(FloatVector.fromArray(F, x, at + j));
        }
        float max = maxima.reduceLanes(VectorOperators.MAX);
        for (; j < n; j++) {
            max = Math.max(max, x[at + j]);
        }
        return max;
    }

    @Override
    float expMinus(float[] x, int at, int n, float shift) {
        if (LANES < WIDTH / 2) {
            return super.expMinus(x, at, n, shift);
        }
        FloatVector low = FloatVector.zero(F);
        FloatVector high = FloatVector.zero(F);
        int whole = whole(n);
        for (int j = 0; j < whole; j += WIDTH) {
            FloatVector e = exp(FloatVector.fromArray(F, x, at + j).sub(shift));
            e.intoArray(x, at + j);
            low = low.add(e);
            if (LANES < WIDTH) {
                e = exp(FloatVector.fromArray(F, x, at + j + LANES).sub(shift));
                e.intoArray(x, at + j + LANES);
                high = high.add(e);
            }
        }
        return expMinus(sum(low, high), x, at, whole, n, shift);
    }

    @Override
    public void softmaxColumns(float[] x, int n, int m, int seen) {
        int column = 0;
        for (; column <= m - LANES; column += LANES) {
            int all = Math.min(n, seen + column); // rows that each of these columns sees
            int end = Math.min(n, all + LANES - 1); // rows that one of them sees
            for (int row = all; row < end; row++) {
                int at = row * m + column;
                Arrays.fill(x, at, at + row - all + 1, Float.NEGATIVE_INFINITY);
            }
            FloatVector max = FloatVector.broadcast(F, Float.NEGATIVE_INFINITY);
            for (int j = column; j < end * m; j += m) {
                max = max.max(FloatVector.fromArray(F, x, j));
            }
            FloatVector sum = FloatVector.zero(F);
            for (int j = column; j < end * m; j += m) {
                FloatVector e = exp(FloatVector.fromArray(F, x, j).sub(max));
                e.intoArray(x, j);
                sum = sum.add(e);
            }
            FloatVector scale = FloatVector.broadcast(F, 1f).div(sum);
            for (int j = column; j < end * m; j += m) {
                FloatVector.fromArray(F, x, j).mul(scale).intoArray(x, j);
            }
            clear(x, n, m, column, end);
        }
        for (; column < m; column++) {
            softmaxColumn(x, n, m, column, Math.min(n, seen + column));
        }
    }

    /** Sets a vector's columns of x [n,m] to 0 from row {@code from} on. */
    private static void clear(float[] x, int n, int m, int column, int from) {
        for (int j = from * m + column; j < n * m; j += m) {
            FloatVector.zero(F).intoArray(x, j);
        }
    }

    @Override
    public void softmaxColumnsGradient(float[] p, float[] dp, int n, int m, int seen, float scale) {
        int column = 0;
        for (; column <= m - LANES; column += LANES) {
            int end = Math.min(n, seen + column + LANES - 1);
            FloatVector dot = FloatVector.zero(F);
            for (int j = column; j < end * m; j += m) {
                dot = FloatVector.fromArray(F, p, j).fma(FloatVector.fromArray(F, dp, j), dot);
            }
            for (int j = column; j < end * m; j += m) {
                FloatVector d = FloatVector.fromArray(F, dp, j).sub(dot);
                d.mul(FloatVector.fromArray(F, p, j)).mul(scale).intoArray(dp, j);
            }
            clear(dp, n, m, column, end);
        }
        for (; column < m; column++) {
            softmaxColumnGradient(p, dp, n, m, column, Math.min(n, seen + column), scale);
        }
    }

    @Override
    public void adamW(AdamW step, float[] p, float[] g, float[] m, float[] v, int n) {
        int i = 0;
        for (; i <= n - LANES; i += LANES) {
            FloatVector gradient = FloatVector.fromArray(F, g, i).mul(step.factor());
            FloatVector first = FloatVector.fromArray(F, m, i).mul(step.beta1()).add(gradient.mul(step.rest1()));
            FloatVector second = FloatVector.fromArray(F, v, i)
                    .mul(step.beta2())
                    .add(gradient.mul(step.rest2()).mul(gradient));
            FloatVector denominator = second.sqrt().add(step.scaledEps());
            first.intoArray(m, i);
            second.intoArray(v, i);
            FloatVector.fromArray(F, p, i)
                    .mul(step.keep())
                    .sub(first.mul(step.scaledStepSize()).div(denominator))
                    .intoArray(p, i);
        }
        adamW(step, p, g, m, v, i, n);
    }

    @Override
    public void rmsNorm(float[] x, int rows, int c, float eps, float[] gain) {
        int whole = F.loopBound(c);
        for (int row = 0; row < rows; row++) {
            int at = row * c;
            float scale = reciprocalRms(x, at, c, eps);
            int j = 0;
            for (; j < whole; j += LANES) {
                FloatVector hat = FloatVector.fromArray(F, x, at + j).mul(scale);
                hat.mul(FloatVector.fromArray(F, gain, j)).intoArray(x, at + j);
            }
            for (; j < c; j++) {
                x[at + j] = x[at + j] * scale * gain[j];
            }
        }
    }

    @Override
    public void rmsNormGradient(float[] x, float[] dy, int rows, int c, float eps, float[] gain, float[] dGain) {
        int whole = F.loopBound(c);
        for (int row = 0; row < rows; row++) {
            int at = row * c;
            float scale = reciprocalRms(x, at, c, eps);
            FloatVector sums = FloatVector.zero(F);
            int j = 0;
            for (; j < whole; j += LANES) {
                FloatVector hat = FloatVector.fromArray(F, x, at + j).mul(scale);
                FloatVector d = FloatVector.fromArray(F, dy, at + j);
                sums = d.mul(FloatVector.fromArray(F, gain, j)).fma(hat, sums);
                hat.intoArray(x, at + j);
                d.fma(hat, FloatVector.fromArray(F, dGain, j)).intoArray(dGain, j);
            }
            float sum = sum(sums);
            for (; j < c; j++) {
                float hat = x[at + j] * scale;
                sum += dy[at + j] * gain[j] * hat;
                x[at + j] = hat;
                dGain[j] += dy[at + j] * hat;
            }
            float mean = sum / c;
            for (j = 0; j < whole; j += LANES) {
                FloatVector g = FloatVector.fromArray(F, dy, at + j).mul(FloatVector.fromArray(F, gain, j));
                FloatVector hat = FloatVector.fromArray(F, x, at + j);
                g.sub(hat.mul(mean)).mul(scale).intoArray(x, at + j);
            }
            for (; j < c; j++) {
                x[at + j] = scale * (dy[at + j] * gain[j] - x[at + j] * mean);
            }
        }
    }

    @Override
    float reciprocalRms(float[] x, int at, int c, float eps) {
        if (LANES < WIDTH / 2) {
            return super.reciprocalRms(x, at, c, eps);
        }
        FloatVector low = FloatVector.zero(F);
        FloatVector high = FloatVector.zero(F);
        int whole = whole(c);
        for (int j = 0; j < whole; j += WIDTH) {
            FloatVector v = FloatVector.fromArray(F, x, at + j);
            low = v.fma(v, low);
            if (LANES < WIDTH) {
                v = FloatVector.fromArray(F, x, at + j + LANES);
                high = v.fma(v, high);
            }
        }
        float total = sum(low, high) + sumOfFloatSquares(x, at + whole, at + c);
        return (float) (1 / Math.sqrt(total / c + eps));
    }

    @Override
    public void swiGlu(float[] x, int at, int n, float[] y, int yAt) {
        int whole = whole(n);
        for (int j = 0; j < whole; j += LANES) {
            FloatVector gate = FloatVector.fromArray(F, x, at + j);
            FloatVector silu = gate.div(exp(gate.neg()).add(1f));
            silu.mul(FloatVector.fromArray(F, x, at + n + j)).intoArray(y, yAt + j);
        }
        swiGlu(x, at, whole, n, y, yAt);
    }

    @Override
    public void swiGluGradient(float[] x, int at, int n, float[] dy, int yAt) {
        FloatVector one = FloatVector.broadcast(F, 1f);
        int j = 0;
        for (; j <= n - LANES; j += LANES) {
            FloatVector gate = FloatVector.fromArray(F, x, at + j);
            FloatVector d = FloatVector.fromArray(F, dy, yAt + j);
            FloatVector sigmoid = one.div(exp(gate.neg()).add(1f));
            FloatVector slope = gate.fma(one.sub(sigmoid), one).mul(sigmoid);
            d.mul(FloatVector.fromArray(F, x, at + n + j)).mul(slope).intoArray(x, at + j);
            d.mul(gate).mul(sigmoid).intoArray(x, at + n + j);
        }
        swiGluGradient(x, at, j, n, dy, yAt);
    }

    @Override
    public void rotate(float[] x, int at, int n, float[] cos, float[] sin, int angle) {
        int j = 0;
        for (; j <= n - LANES; j += LANES) {
            FloatVector a = FloatVector.fromArray(F, x, at + j);
            FloatVector b = FloatVector.fromArray(F, x, at + n + j);
            FloatVector cosine = FloatVector.fromArray(F, cos, angle + j);
            FloatVector sine = FloatVector.fromArray(F, sin, angle + j);
            a.mul(cosine).sub(b.mul(sine)).intoArray(x, at + j);
            b.mul(cosine).add(a.mul(sine)).intoArray(x, at + n + j);
        }
        rotate(x, at, j, n, cos, sin, angle);
    }
}
