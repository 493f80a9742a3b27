package org.minigpt.internal.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.runtime.MiniGptRuntime;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.updaters.AdamUpdater;
import org.nd4j.linalg.factory.Nd4j;

/** DL4J's Adam by this library's kernel: the same as ND4J's own, which computes it in DOUBLE here. */
class AdamUpdateTest {
    private static final double RATE = 0.25;

    @BeforeAll
    static void install() {
        MiniGptRuntime.install();
    }

    private static AdamUpdater op(INDArray gradient, INDArray v, INDArray m, double rate, double eps, int iteration) {
        return new AdamUpdater(gradient, v, m, rate, 0.5, 0.75, eps, iteration);
    }

    /** With β₁ = 0.5, β₂ = 0.75, eps = 1 and a rate of 0.25, the first and then the second step. */
    @Test
    void byHand() {
        INDArray gradient = Nd4j.createFromArray(4f, -2f, 0f);
        INDArray v = Nd4j.zeros(DataType.FLOAT, 3);
        INDArray m = Nd4j.zeros(DataType.FLOAT, 3);
        Nd4j.exec(op(gradient, v, m, RATE, 1, 0));
        // m = 0.5·(4, -2, 0) and v = 0.25·(16, 4, 0), whose roots are 2, 1, 0.
        assertArrayEquals(new float[] {2, -1, 0}, m.toFloatVector());
        assertArrayEquals(new float[] {4, 1, 0}, v.toFloatVector());
        // The factor is 0.25·√(1 - 0.75)/(1 - 0.5) = 0.25·0.5/0.5 = 0.25: 0.25·2/(2+1), 0.25·(-1)/(1+1), 0.
        assertArrayEquals(new float[] {1 / 6f, -1 / 8f, 0}, gradient.toFloatVector(), 1e-7f);

        INDArray next = Nd4j.createFromArray(0f, 0f, 8f);
        Nd4j.exec(op(next, v, m, RATE, 1, 1));
        // m = 0.5·(2, -1, 0) + 0.5·(0, 0, 8), v = 0.75·(4, 1, 0) + 0.25·(0, 0, 64)
        assertArrayEquals(new float[] {1, -0.5f, 4}, m.toFloatVector());
        assertArrayEquals(new float[] {3, 0.75f, 16}, v.toFloatVector());
        // The factor is 0.25·√(1 - 0.5625)/(1 - 0.25) = √0.4375/3.
        double factor = Math.sqrt(0.4375) / 3;
        double[] expected = {
            factor * 1 / (Math.sqrt(3) + 1), factor * -0.5 / (Math.sqrt(0.75) + 1), factor * 4 / (4 + 1)
        };
        assertArrayEquals(expected, next.toDoubleVector(), 1e-7);
    }

    /** Lengths of less than a vector, of no multiple of it, and of two threads; a rate of 0 is eps to ND4J. */
    @ParameterizedTest
    @CsvSource({"5, 1e-3, 0", "2051, 1e-3, 7", "140001, 0.1, 1000", "19, 0, 3"})
    void isNd4js(int length, double rate, int iteration) {
        Random random = new Random(length);
        double[] g = random.doubles(length, -1, 1).map(x -> x * x * x).toArray();
        INDArray gradient = Nd4j.createFromArray(g);
        INDArray v = Nd4j.createFromArray(random.doubles(length, 0, 1).toArray());
        INDArray m = Nd4j.createFromArray(random.doubles(length, -1, 1).toArray());
        INDArray single = gradient.castTo(DataType.FLOAT);
        INDArray singleV = v.castTo(DataType.FLOAT);
        INDArray singleM = m.castTo(DataType.FLOAT);

        Nd4j.exec(op(gradient, v, m, rate, 1e-8, iteration));
        AdamUpdater op = op(single, singleV, singleM, rate, 1e-8, iteration);
        INDArray[] out = Nd4j.exec(op);

        assertEquals(single, out[0]);
        assertNear(gradient, single);
        assertNear(v, singleV);
        assertNear(m, singleM);
    }

    private static void assertNear(INDArray expected, INDArray actual) {
        for (int i = 0; i < expected.length(); i++) {
            double value = expected.getDouble(i);
            assertEquals(value, actual.getDouble(i), 2e-6 * Math.abs(value) + 1e-7, "entry " + i);
        }
    }

    @Test
    void whatIsNotAsInNetworksIsNd4js() {
        INDArray x = Nd4j.ones(DataType.FLOAT, 4);
        INDArray zeros = Nd4j.zeros(DataType.FLOAT, 4);
        INDArray transposed = Nd4j.ones(DataType.FLOAT, 2, 2).transpose().dup('f');
        INDArray empty = Nd4j.empty(DataType.FLOAT);
        assertFalse(AdamUpdate.run(op(x.castTo(DataType.DOUBLE), zeros, zeros.dup(), RATE, 1, 0)));
        assertFalse(AdamUpdate.run(op(x, Nd4j.zeros(DataType.FLOAT, 3), zeros, RATE, 1, 0)));
        assertFalse(AdamUpdate.run(op(transposed, zeros.dup(), zeros, RATE, 1, 0)));
        assertFalse(AdamUpdate.run(op(empty, empty, empty, RATE, 1, 0)));
        assertFalse(AdamUpdate.run(
                new AdamUpdater(x, zeros, zeros.dup(), x.dup(), zeros, zeros.dup(), RATE, 0.5, 0.75, 1, 0)));
        assertEquals(Nd4j.ones(DataType.FLOAT, 4), x); // nothing was done
    }
}
