package org.minigpt.internal.kernels;

import org.minigpt.internal.simd.Simd;

/**
 * One step of Muon (Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks", muon.py) for a matrix
 * W [in,out], or columns of one:
 *
 * <pre>
 * m ← β·m + (1 - β)·g
 * X ← (1 - β)·g + β·m, Nesterov's
 * X ← X / ‖X‖, and some times X ← a·X + (b·A + c·A²)·X with A = X·Xᵀ, by which its singular values come near 1
 * W ← keep·W - rate·X
 * </pre>
 *
 * A is made of the shorter side: with more rows than columns it is XᵀX, on the right. For use by one thread.
 */
public final class MuonKernel {
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
    private final Floats[] products;

    /**
     * A matrix in a flat vector.
     *
     * @param offset of its first entry
     * @param rows how many it has
     * @param columns how many it has
     * @param stride from a row to the next, more than its columns where others stand beside it
     */
    public record Matrix(int offset, int rows, int columns, int stride) {
        private boolean wide() {
            return rows <= columns;
        }

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
     * @param polynomials a, b and c of each iteration
     */
    public record Step(double beta, double gradientFactor, double keep, double rate, double[][] polynomials) {}

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
        products = new Floats[] {Floats.allocate(square), Floats.allocate(square)};
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
        Floats o = orthogonalized(matrix, step.polynomials, (float) (1 / (Math.sqrt(squares) + EPS)));
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
     * @param scale to multiply x by at first, which costs no pass: A is of degree 2 in x, and X of degree 1
     * @return where the result is
     */
    private Floats orthogonalized(Matrix matrix, double[][] polynomials, float scale) {
        return matrix.entries() >= 2 * matrix.shorter() * matrix.shorter()
                ? bySquares(matrix, polynomials, scale)
                : byMatrix(matrix, polynomials, scale);
    }

    /** X ← a·X + (b·A + c·A²)·X, as it stands. */
    private Floats byMatrix(Matrix matrix, double[][] polynomials, float scale) {
        Floats from = x;
        Floats to = next;
        float s = scale;
        for (double[] abc : polynomials) {
            gram(matrix, from, s * s);
            polynomial(matrix.shorter(), abc);
            Gemv.copy(matrix.entries(), from.at(0), to.at(0));
            times(matrix, polynomial, from, s, s * (float) abc[0], to);
            s = 1f;
            Floats swap = from;
            from = to;
            to = swap;
        }
        return from;
    }

    /**
     * The same for a long X, of which all iterations but the first and the last product can do without: P = a·I + b·A +
     * c·A² makes X' = P·X and A' = P·A·P, so it is Pₙ···P₂·P₁·X.
     */
    private Floats bySquares(Matrix matrix, double[][] polynomials, float scale) {
        int n = matrix.shorter();
        gram(matrix, x, scale * scale);
        Floats product = null;
        for (int i = 0; i < polynomials.length; i++) {
            polynomial(n, polynomials[i]);
            for (int d = 0; d < n; d++) {
                polynomial.put(d * (n + 1), polynomial.get(d * (n + 1)) + (float) polynomials[i][0]);
            }
            if (i == 0) {
                Gemv.copy(n * n, polynomial.at(0), products[0].at(0));
                product = products[0];
            } else {
                Floats longer = products[i % 2];
                square(n, polynomial, product, longer);
                product = longer;
            }
            if (i < polynomials.length - 1) {
                square(n, polynomial, gram, next);
                square(n, next, polynomial, gram);
            }
        }
        times(matrix, product, x, scale, 0f, next);
        return next;
    }

    /** gram = scale·A */
    private void gram(Matrix matrix, Floats of, float scale) {
        int n = matrix.shorter();
        int columns = matrix.columns();
        if (matrix.wide()) {
            Blas.nt(n, n, columns, scale, of.at(0), columns, of.at(0), columns, 0f, gram.at(0), n);
        } else {
            Blas.tn(n, n, matrix.rows(), scale, of.at(0), columns, of.at(0), columns, 0f, gram.at(0), n);
        }
    }

    /** polynomial = b·A + c·A² */
    private void polynomial(int n, double[] abc) {
        float b = (float) abc[1];
        float c = (float) abc[2];
        Gemv.copy(n * n, gram.at(0), polynomial.at(0));
        Blas.nn(n, n, n, c, gram.at(0), n, gram.at(0), n, b, polynomial.at(0), n);
    }

    private static void square(int n, Floats a, Floats b, Floats product) {
        Blas.nn(n, n, n, 1f, a.at(0), n, b.at(0), n, 0f, product.at(0), n);
    }

    /** to = scale·P·X + beta·to, or X·P. */
    private static void times(Matrix matrix, Floats p, Floats x, float scale, float beta, Floats to) {
        int n = matrix.columns();
        if (matrix.wide()) {
            Blas.nn(matrix.rows(), n, matrix.rows(), scale, p.at(0), matrix.rows(), x.at(0), n, beta, to.at(0), n);
        } else {
            Blas.nn(matrix.rows(), n, n, scale, x.at(0), n, p.at(0), n, beta, to.at(0), n);
        }
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
        for (double[] abc : step.polynomials) {
            double[][] a = product(x, transposed(x));
            double[][] p = sum(abc[1], a, abc[2], product(a, a));
            x = sum(abc[0], x, 1, product(p, x));
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
