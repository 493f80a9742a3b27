package org.minigpt.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.minigpt.data.TokenDataset;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.MuonKernel;
import org.minigpt.internal.kernels.MuonKernel.Matrix;
import org.minigpt.io.Safetensors;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.model.Trainable.ParameterInfo;
import org.minigpt.train.MuonConfig.Iteration;
import org.minigpt.train.MuonConfig.Scale;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

class MuonTest {
    private static final double[][] FIVE = Iteration.NEWTON_SCHULZ.polynomials();

    private static final MuonConfig CONFIG =
            new MuonConfig(AdamWConfig.nanoGpt(), 10, 2, 0.5, 0.95, 300, 0.1, Scale.SPECTRAL, Iteration.NEWTON_SCHULZ);

    @ParameterizedTest
    @EnumSource(
            value = DataType.class,
            names = {"FLOAT", "DOUBLE"})
    void stepsAMatrixAsComputedByHand(DataType type) {
        // Columns 1 and 2 of a matrix [2,4]; 9 stands where nothing is read and 7 where nothing is written
        double[] parameters = {7, 1, 0, 7, 7, 0, 2, 7};
        double[] gradients = {9, 6, 0, 9, 9, 0, 8, 9};
        double[] momentum = {7, 2, 0, 7, 7, 0, 0, 7};

        step(
                type,
                new MuonKernel.Step(0.5, 0.5, 0.9, 0.1, FIVE),
                new Matrix(1, 2, 2, 4),
                parameters,
                gradients,
                momentum);

        // Half of the gradients is 3 and 4; m = 0.5·2 + 0.5·3 = 2.5 and 0.5·0 + 0.5·4 = 2
        assertArrayEquals(new double[] {7, 2.5, 0, 7, 7, 0, 2, 7}, momentum, 1e-6);
        // X = 0.5·3 + 0.5·2.5 = 2.75 and 0.5·4 + 0.5·2 = 3; its norm is √(7.5625 + 9) = √16.5625
        // A is diagonal, so each entry x becomes 3.4445·x - 4.775·x³ + 2.0315·x⁵, five times:
        // 0.6757 → 1.1400 → 0.7657 → 1.0277 → 0.6869 → 1.1288 and 0.7372 → 1.0698 → ... by the same
        double first = fiveTimes(2.75 / Math.sqrt(16.5625));
        double second = fiveTimes(3 / Math.sqrt(16.5625));
        assertTrue(first > 0.68 && first < 1.14 && second > 0.68 && second < 1.14);
        // W = 0.9·W - 0.1·X
        assertArrayEquals(new double[] {7, 0.9 - 0.1 * first, 0, 7, 7, 0, 1.8 - 0.1 * second, 7}, parameters, 1e-6);
    }

    private static double fiveTimes(double x) {
        for (int i = 0; i < 5; i++) {
            x = 3.4445 * x - 4.775 * x * x * x + 2.0315 * Math.pow(x, 5);
        }
        return x;
    }

    @ParameterizedTest
    @EnumSource(
            value = DataType.class,
            names = {"FLOAT", "DOUBLE"})
    void followsTheReference(DataType type) {
        Map<String, INDArray> reference =
                Safetensors.read(Path.of("src", "test", "resources", "reference", "muon.f64.safetensors"));
        for (String name : List.of("wide", "tall", "square")) {
            INDArray before = reference.get(name + ".before");
            int in = (int) before.size(0);
            int out = (int) before.size(1);
            double[] w = before.dup().data().asDouble();
            double[] momentum = new double[w.length];
            for (int i = 0; i < 4; i++) {
                double[] g = reference.get(name + ".gradient" + i).dup().data().asDouble();
                double rate = 0.05 * Scale.SPECTRAL.of(in, out);
                MuonKernel.Step step = new MuonKernel.Step(0.9, 0.5, 1 - 0.05 * 0.1, rate, FIVE);
                step(type, step, new Matrix(0, in, out, out), w, g, momentum);
            }
            assertArrayEquals(reference.get(name + ".after").dup().data().asDouble(), w, 1e-6, name);
        }
    }

    private static void step(
            DataType type, MuonKernel.Step step, Matrix matrix, double[] parameters, double[] g, double[] momentum) {
        if (type == DataType.DOUBLE) {
            MuonKernel.update(step, matrix, parameters, g, momentum);
            return;
        }
        INDArray p = Nd4j.createFromArray(parameters).castTo(type);
        INDArray gradients = Nd4j.createFromArray(g).castTo(type);
        INDArray m = Nd4j.createFromArray(momentum).castTo(type);
        new MuonKernel(Floats.of(p), Floats.of(gradients), Floats.of(m), List.of(matrix)).run(step, matrix);
        System.arraycopy(p.toDoubleVector(), 0, parameters, 0, parameters.length);
        System.arraycopy(m.toDoubleVector(), 0, momentum, 0, momentum.length);
    }

    /** Matrices of a diagonal, which it stays: an entry is its own singular value. */
    @ParameterizedTest
    @EnumSource(
            value = DataType.class,
            names = {"FLOAT", "DOUBLE"})
    void threePolynomialsComeAsNearAsTheyCan(DataType type) {
        double[][] polynomials = Iteration.POLAR_EXPRESS.polynomials();
        assertEquals(3, polynomials.length);
        // 0.6 and 0.8 have the norm 1. First 8.0933685·0.6 - 23.6204303·0.216 + 17.4461517·0.07776 = 1.110621, then ...
        for (int columns : new int[] {2, 4, 5}) { // by the matrix, and by squares
            double[] parameters = new double[2 * columns];
            double[] gradients = new double[2 * columns];
            gradients[0] = 0.6;
            gradients[columns + 1] = 0.8;
            Matrix matrix = new Matrix(0, 2, columns, columns);
            step(
                    type,
                    new MuonKernel.Step(0, 1, 1, 1, polynomials),
                    matrix,
                    parameters,
                    gradients,
                    new double[2 * columns]);
            assertEquals(-by(polynomials, 0.6), parameters[0], 1e-5);
            assertEquals(-by(polynomials, 0.8), parameters[columns + 1], 1e-5);
        }
        // The same error at both ends, and none larger between them: by Chebyshev no polynomial has a smaller one.
        double largest = 0;
        for (double x = 0.01; x <= 1; x += 1e-5) {
            largest = Math.max(largest, Math.abs(by(polynomials, x) - 1));
        }
        assertEquals(0.26944, largest, 1e-5);
        double five = 0;
        for (double x = 0.01; x <= 1; x += 1e-5) {
            five = Math.max(five, Math.abs(by(FIVE, x) - 1));
        }
        assertTrue(largest < five, largest + " is above the " + five + " of five others");
    }

    private static double by(double[][] polynomials, double x) {
        for (double[] abc : polynomials) {
            x = abc[0] * x + abc[1] * Math.pow(x, 3) + abc[2] * Math.pow(x, 5);
        }
        return x;
    }

    @Test
    void scalesByTheShape() {
        // √(6/2) = √3 for more outputs than inputs, 1 else; 0.2·√6 both ways
        assertEquals(Math.sqrt(3), Scale.SPECTRAL.of(2, 6), 1e-15);
        assertEquals(1, Scale.SPECTRAL.of(6, 2));
        assertEquals(0.2 * Math.sqrt(6), Scale.RMS.of(2, 6), 1e-15);
        assertEquals(0.2 * Math.sqrt(6), Scale.RMS.of(6, 2), 1e-15);
    }

    @Test
    void momentumRises() {
        MuonConfig config =
                new MuonConfig(AdamWConfig.nanoGpt(), 1, 1, 1, 0.95, 3, 0, Scale.RMS, Iteration.NEWTON_SCHULZ);
        // 0.85 and a quarter of 0.1 a step
        assertEquals(0.875, config.momentum(1), 1e-12);
        assertEquals(0.925, config.momentum(3), 1e-12);
        assertEquals(0.95, config.momentum(4));
        assertEquals(
                0.5,
                new MuonConfig(AdamWConfig.nanoGpt(), 1, 1, 1, 0.5, 3, 0, Scale.RMS, Iteration.NEWTON_SCHULZ)
                        .momentum(1));
    }

    /** The rest of the model, each part of {@code c_attn} and of the gate by itself, and every group's rate. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aModelStepsMatrixByMatrix(boolean llama) {
        Gpt gpt = model(DataType.DOUBLE, llama);
        Gpt expected = model(DataType.DOUBLE, llama);
        INDArray gradients = random(gpt.flatParameters().length());
        Optimizer optimizer = CONFIG.create(gpt);

        optimizer.step(gpt.flatParameters(), gradients, 0.01, 0.5);

        // β of the first of 300 steps of warm-up: 0.85 + 0.1/301; matrices at ten times the rate
        double beta = 0.85 + 0.1 / 301;
        double[] p = expected.flatParameters().toDoubleVector();
        double[] g = gradients.toDoubleVector();
        double[] m = new double[p.length];
        for (ParameterInfo info : gpt.parameterInfos()) {
            int at = (int) info.offset();
            if (info.name().startsWith("h.") && info.shape().size() == 2) {
                int in = info.shape().get(0).intValue();
                int out = info.shape().get(1).intValue();
                // q, k and v of 2 heads, of which those of Llama's layers share one of k and v; gate and up
                int[] widths = info.name().contains("c_attn")
                        ? llama ? new int[] {8, 4, 4} : new int[] {8, 8, 8}
                        : info.name().contains("gate_up") ? new int[] {out / 2, out / 2} : new int[] {out};
                int first = at;
                for (int width : widths) {
                    double scale = Math.sqrt(Math.max(1, (double) width / in));
                    MuonKernel.Step step = new MuonKernel.Step(beta, 0.5, 1 - 0.1 * 0.1, 0.1 * scale, FIVE);
                    MuonKernel.update(step, new Matrix(first, in, width, out), p, g, m);
                    first += width;
                }
            } else {
                double rate = info.name().startsWith("w") ? 0.02 : info.name().startsWith("lm_head") ? 0.005 : 0.01;
                double keep = info.matrix() ? 1 - rate * 0.1 : 1;
                for (int i = at; i < at + info.length(); i++) {
                    // AdamW's first step is the gradient's sign, but for eps
                    p[i] = p[i] * keep - rate * (g[i] * 0.5) / (Math.abs(g[i] * 0.5) + 1e-8);
                }
            }
        }
        assertArrayEquals(p, gpt.flatParameters().toDoubleVector(), 1e-9);
    }

    @Test
    void floatsFollowDoublesAndTheirBitsAreTheSameTwice() {
        Gpt floats = model(DataType.FLOAT, false);
        Gpt again = model(DataType.FLOAT, false);
        Gpt doubles = model(DataType.DOUBLE, false);
        doubles.flatParameters().assign(floats.flatParameters().castTo(DataType.DOUBLE));
        List<Optimizer> optimizers = List.of(CONFIG.create(floats), CONFIG.create(again), CONFIG.create(doubles));
        INDArray g = random(floats.flatParameters().length());
        for (int i = 0; i < 3; i++) {
            optimizers.get(0).step(floats.flatParameters(), g.castTo(DataType.FLOAT), 0.01, 1);
            optimizers.get(1).step(again.flatParameters(), g.castTo(DataType.FLOAT), 0.01, 1);
            optimizers.get(2).step(doubles.flatParameters(), g, 0.01, 1);
        }
        assertArrayEquals(
                floats.flatParameters().toFloatVector(), again.flatParameters().toFloatVector());
        assertArrayEquals(
                doubles.flatParameters().toDoubleVector(),
                floats.flatParameters().toDoubleVector(),
                1e-5);
    }

    @Test
    void trains() {
        TokenDataset data = TokenDataset.split(new Random(3).ints(400, 0, 5).toArray(), 0.8);
        Gpt gpt = model(DataType.FLOAT, false);
        INDArray before = gpt.flatParameters().dup();
        Trainer trainer = new Trainer(
                gpt,
                data,
                TrainConfig.builder()
                        .optimizer(MuonConfig.of(AdamWConfig.nanoGpt(), 5))
                        .learningRate(1e-2)
                        .maxIters(30)
                        .evalIters(0)
                        .build());
        double first = trainer.evaluate().train();
        trainer.run();
        assertTrue(trainer.evaluate().train() < first - 0.1);
        assertNotEquals(before, gpt.flatParameters());
    }

    @Test
    void namesWhatItCannotUse() {
        assertSentence(
                "matrix_lr is 0.0 but must be positive; 3 times learning_rate is usual",
                () -> MuonConfig.of(AdamWConfig.nanoGpt(), 0));
        assertSentence(
                "muon_momentum is 1.0 but must be in 0 ≤ muon_momentum < 1; 0.95 is usual",
                () -> new MuonConfig(AdamWConfig.nanoGpt(), 1, 1, 1, 1, 0, 0, Scale.RMS, Iteration.NEWTON_SCHULZ));
        Optimizer muon = CONFIG.create(model(DataType.FLOAT, false));
        Optimizer adamW = AdamWConfig.nanoGpt().create(model(DataType.FLOAT, false));
        assertSentence(
                "the optimizer's state momentum_buffer.h.0.attn.c_attn.weight is missing, but must be FLOAT of shape"
                        + " [8, 24]; restore what was saved with this model and these settings",
                () -> muon.restore(adamW.state(), 1));
    }

    private static INDArray random(long length) {
        return Nd4j.createFromArray(new Random(7).doubles(length, -1, 1).toArray());
    }

    private static Gpt model(DataType type, boolean llama) {
        GptConfig.Builder config =
                GptConfig.builder().vocabSize(5).blockSize(4).nLayer(1).nHead(2).nEmbd(8);
        if (llama) {
            config.nKvHead(1).mlp(Mlp.SWIGLU);
        }
        return Gpt.builder(config.build()).seed(5).dataType(type).build();
    }
}
