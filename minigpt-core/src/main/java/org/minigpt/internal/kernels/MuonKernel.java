package org.minigpt.internal.kernels;

import org.bytedeco.javacpp.FloatPointer;
import org.minigpt.internal.simd.Simd;

/**
 * One step of Muon (Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks", muon.py) for a matrix
 * W [in,out], or columns of one:
 *
 * <pre>
 * m ← β·m + (1 - β)·g
 * X ← (1 - β)·g + β·m, Nesterov's
 * X ← X / ‖X‖, and five times X ← a·X + (b·A + c·A²)·X with A = X·Xᵀ, by which its singular values come near 1
 * W ← keep·W - rate·X
 * </pre>
 *
 * A is made of the shorter side: with more rows than columns it is XᵀX, on the right. For use by one thread.
 */
public final class MuonKernel {
    /** a, b and c of Newton and Schulz's iteration, which bring singular values from 0 to about 1 quickly. */
    private static final float A = 3.4445f;

    private static final float B = -4.7750f;
    private static final float C = 2.0315f;
    private static final int ITERATIONS = 5;

    /** Keeps the division by the norm finite. */
    private static final double EPS = 1e-7;

    private final Floats parameters;
    private final Floats gradients;
    private final Floats momentum;

    /** For a matrix of at most so many entries, and as many of the square of its shorter side. */
    private final Floats x;

    private final Floats next;
    private final Floats gram;
    private final Floats polynomial;

    /**
     * A matrix in a flat vector.
     *
     * @param offset of its first entry
     * @param rows how many it has
     * @param columns how many it has
     * @param stride from a row to the next, more than its columns where others stand beside it
     */
    public record Matrix(int offset, int rows, int columns, int stride) {
        private int shorter() {
            return Math.min(rows, columns);
        }

        private int entries() {
            return rows * columns;
        }
    }

    /**
     * What a step does to every matrix alike.
     *
     * @param beta β
     * @param gradientFactor what clipping leaves of the gradients, 1 for all
     * @param keep what weight decay leaves of a parameter: 1 - rate·decay
     * @param rate how far the step goes
     */
    public record Step(double beta, double gradientFactor, double keep, double rate) {}

    /**
     * @param momentum of the length of the parameters, as the gradients
     * @param largest the sizes that the matrices have at most
     */
    public MuonKernel(Floats parameters, Floats gradients, Floats momentum, Iterable<Matrix> largest) {
        this.parameters = parameters;
        this.gradients = gradients;
        this.momentum = momentum;
        int entries = 1;
        int square = 1;
        for (Matrix matrix : largest) {
            entries = Math.max(entries, matrix.entries());
            square = Math.max(square, matrix.shorter() * matrix.shorter());
        }
        x = Floats.allocate(entries);
        next = Floats.allocate(entries);
        gram = Floats.allocate(square);
        polynomial = Floats.allocate(square);
    }

    /** Updates a matrix and its momentum. */
    public void run(Step step, Matrix matrix) {
        int n = matrix.columns();
        float[] g = new float[n];
        float[] m = new float[n];
        float beta = (float) step.beta;
        float rest = (float) (1 - step.beta);
        double squares = 0;
        for (int row = 0; row < matrix.rows(); row++) {
            int at = matrix.offset() + row * matrix.stride();
            gradients.read(at, g, 0, n);
            momentum.read(at, m, 0, n);
            Simd.MATH.scale(g, rest * (float) step.gradientFactor, n);
            Simd.MATH.scale(m, beta, n);
            Simd.MATH.add(m, g, n);
            Simd.MATH.addScaled(g, m, beta, n);
            squares += Simd.MATH.sumOfSquares(g, n);
            momentum.write(at, m, 0, n);
            x.write(row * n, g, 0, n);
        }
        Floats o = orthogonalized(matrix, (float) (1 / (Math.sqrt(squares) + EPS)));
        for (int row = 0; row < matrix.rows(); row++) {
            int at = matrix.offset() + row * matrix.stride();
            parameters.read(at, m, 0, n);
            o.read(row * n, g, 0, n);
            Simd.MATH.scale(m, (float) step.keep, n);
            Simd.MATH.addScaled(m, g, (float) -step.rate, n);
            parameters.write(at, m, 0, n);
        }
    }

    /**
     * @param scale to multiply x by at first, which costs no pass: A is of degree 2 in x, so that the first polynomial
     *     takes the scale up
     * @return where the result is
     */
    private Floats orthogonalized(Matrix matrix, float scale) {
        int rows = matrix.rows();
        int n = matrix.columns();
        int side = matrix.shorter();
        boolean wide = rows <= n;
        Floats from = x;
        Floats to = next;
        float s = scale;
        for (int i = 0; i < ITERATIONS; i++) {
            if (wide) {
                Blas.nt(side, side, n, s * s, from.at(0), n, from.alias().at(0), n, 0f, gram.at(0), side);
            } else {
                Blas.tn(side, side, rows, s * s, from.at(0), n, from.alias().at(0), n, 0f, gram.at(0), side);
            }
            FloatPointer p = polynomial.at(0);
            Gemv.copy(side * side, gram.at(0), p);
            Blas.nn(side, side, side, C, gram.at(0), side, gram.alias().at(0), side, B, p, side);
            Gemv.copy(matrix.entries(), from.at(0), to.at(0));
            if (wide) {
                Blas.nn(rows, n, side, s, p, side, from.at(0), n, s * A, to.at(0), n);
            } else {
                Blas.nn(rows, n, side, s, from.at(0), n, p, side, s * A, to.at(0), n);
            }
            Floats swap = from;
            from = to;
            to = swap;
            s = 1f;
        }
        return from;
    }

    /** {@link #run} in double precision, on flat vectors. */
    public static void update(Step step, Matrix matrix, double[] parameters, double[] gradients, double[] momentum) {
        int rows = matrix.rows();
        int n = matrix.columns();
        double[][] x = new double[rows][n];
        double squares = 0;
        for (int row = 0; row < rows; row++) {
            for (int j = 0; j < n; j++) {
                int at = matrix.offset() + row * matrix.stride() + j;
                double g = gradients[at] * step.gradientFactor;
                momentum[at] = momentum[at] * step.beta + g * (1 - step.beta);
                x[row][j] = g * (1 - step.beta) + momentum[at] * step.beta;
                squares += x[row][j] * x[row][j];
            }
        }
        double norm = Math.sqrt(squares) + EPS;
        for (double[] row : x) {
            for (int j = 0; j < n; j++) {
                row[j] /= norm;
            }
        }
        for (int i = 0; i < ITERATIONS; i++) {
            double[][] a = product(x, transposed(x));
            double[][] p = sum(B, a, C, product(a, a));
            x = sum(A, x, 1, product(p, x));
        }
        for (int row = 0; row < rows; row++) {
            for (int j = 0; j < n; j++) {
                int at = matrix.offset() + row * matrix.stride() + j;
                parameters[at] = parameters[at] * step.keep - step.rate * x[row][j];
            }
        }
    }

    private static double[][] transposed(double[][] a) {
        double[][] result = new double[a[0].length][a.length];
        for (int i = 0; i < a.length; i++) {
            for (int j = 0; j < a[0].length; j++) {
                result[j][i] = a[i][j];
            }
        }
        return result;
    }

    private static double[][] product(double[][] a, double[][] b) {
        double[][] result = new double[a.length][b[0].length];
        for (int i = 0; i < a.length; i++) {
            for (int k = 0; k < b.length; k++) {
                for (int j = 0; j < b[0].length; j++) {
                    result[i][j] += a[i][k] * b[k][j];
                }
            }
        }
        return result;
    }

    /** @return f·a + g·b */
    private static double[][] sum(double f, double[][] a, double g, double[][] b) {
        double[][] result = new double[a.length][a[0].length];
        for (int i = 0; i < a.length; i++) {
            for (int j = 0; j < a[0].length; j++) {
                result[i][j] = f * a[i][j] + g * b[i][j];
            }
        }
        return result;
    }
}
