package org.minigpt.internal.ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.minigpt.internal.ops.OpFixture.array;
import static org.minigpt.internal.ops.OpFixture.normal;
import static org.minigpt.internal.ops.OpFixture.shape;
import static org.minigpt.testing.Deviation.assertEntries;
import static org.minigpt.testing.Sentences.assertSentence;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.internal.ops.OpFixture.Definition;
import org.minigpt.testing.FloatAndDouble;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

class SwiGluOpTest {
    private static final Definition SWIGLU = (sd, in) -> new SwiGluOp(sd, in[0]);
    private static final double LN3 = Math.log(3);

    @FloatAndDouble
    void theFirstHalfGatesTheSecond(DataType type) {
        // σ(ln 3) = 3/4, σ(-ln 3) = 1/4, σ(0) = 1/2; rows of two gates and two values
        INDArray x = array(type, shape(1, 2, 4), LN3, -LN3, 8, 4, 0, LN3, 5, -4);

        INDArray y = OpFixture.output(SWIGLU, x);

        assertArrayEquals(new long[] {1, 2, 2}, y.shape());
        // ln 3·3/4·8, -ln 3·1/4·4; 0·5, ln 3·3/4·-4
        assertEntries(y, 6 * LN3, -LN3, 0, -3 * LN3);
    }

    @FloatAndDouble
    void gradientByHand(DataType type) {
        INDArray x = array(type, shape(2, 2), LN3, 8, 0, 6);
        INDArray dy = array(type, shape(2, 1), 2, 1);

        INDArray dx = OpFixture.gradients(SWIGLU, dy, x).get(0);

        // silu'(ln 3) = 3/4·(1 + ln 3/4), silu'(0) = 1/2; dg = dy·u·silu', du = dy·silu
        assertEntries(dx, 2 * 8 * 0.75 * (1 + LN3 / 4), 2 * LN3 * 0.75, 6 * 0.5, 0);
    }

    /** A gate far from 0 is open or shut, and its exponential no number that a float can hold. */
    @FloatAndDouble
    void extremeGates(DataType type) {
        INDArray x = array(type, shape(1, 40), new double[40]);
        for (int j = 0; j < 20; j++) {
            x.putScalar(j, j % 2 == 0 ? 1e4 : -1e4);
            x.putScalar(20 + j, 3);
        }
        INDArray y = OpFixture.output(SWIGLU, x);
        INDArray dx = OpFixture.gradients(SWIGLU, Nd4j.ones(type, 1, 20), x).get(0);
        double[] expected = new double[20];
        double[] gradient = new double[40];
        for (int j = 0; j < 20; j += 2) {
            expected[j] = 3e4;
            gradient[j] = 3;
            gradient[20 + j] = 1e4;
        }
        assertEntries(y, expected);
        assertEntries(dx, gradient);
    }

    @Test
    void gradientsAreThoseOfDifferences() {
        OpFixture.assertGradients(SWIGLU, normal(1, 2, 3, 10));
    }

    /** Tiles hold 4096 entries, vectors 16. */
    @ParameterizedTest
    @CsvSource({"1,1", "3,7", "300,33", "70,64", "2,5000"})
    void floatsAreAsDoubles(int rows, int n) {
        OpFixture.assertFloatAsDouble(SWIGLU, normal(1, rows, 2 * n));
    }

    @FloatAndDouble
    void anyLayoutWillDo(DataType type) {
        OpFixture.assertAnyLayout(SWIGLU, normal(1, 2, 3, 4).castTo(type));
    }

    @Test
    void badInputIsNamed() {
        assertSentence(
                "minigpt_swiglu needs as many gates as values on the last axis, but got 3 entries; pass an even number",
                () -> OpFixture.output(SWIGLU, Nd4j.ones(DataType.FLOAT, 2, 3)));
    }
}
