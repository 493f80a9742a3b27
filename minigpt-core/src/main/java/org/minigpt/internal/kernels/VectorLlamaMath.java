package org.minigpt.internal.kernels;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** {@link LlamaMath} with the Vector API: see {@link VectorMath}, which alone makes it. */
final class VectorLlamaMath extends PlainLlamaMath {
    private static final VectorSpecies<Float> F = VectorMath.F;
    private static final int LANES = VectorMath.LANES;

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
            float sum = VectorMath.sum(sums);
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
        FloatVector squares = FloatVector.zero(F);
        int j = 0;
        for (; j <= c - LANES; j += LANES) {
            FloatVector v = FloatVector.fromArray(F, x, at + j);
            squares = v.fma(v, squares);
        }
        float total = VectorMath.sum(squares) + sumOfSquares(x, at + j, at + c);
        return (float) (1 / Math.sqrt(total / c + eps));
    }

    @Override
    public void swiGlu(float[] x, int at, int n, float[] y, int yAt) {
        int j = 0;
        for (; j <= n - LANES; j += LANES) {
            FloatVector gate = FloatVector.fromArray(F, x, at + j);
            FloatVector silu = gate.div(VectorMath.exp(gate.neg()).add(1f));
            silu.mul(FloatVector.fromArray(F, x, at + n + j)).intoArray(y, yAt + j);
        }
        swiGlu(x, at, j, n, y, yAt);
    }

    @Override
    public void swiGluGradient(float[] x, int at, int n, float[] dy, int yAt) {
        FloatVector one = FloatVector.broadcast(F, 1f);
        int j = 0;
        for (; j <= n - LANES; j += LANES) {
            FloatVector gate = FloatVector.fromArray(F, x, at + j);
            FloatVector d = FloatVector.fromArray(F, dy, yAt + j);
            FloatVector sigmoid = one.div(VectorMath.exp(gate.neg()).add(1f));
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
