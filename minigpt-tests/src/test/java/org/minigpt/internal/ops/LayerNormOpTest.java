package org.minigpt.internal.ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.minigpt.internal.ops.OpFixture.array;
import static org.minigpt.internal.ops.OpFixture.normal;
import static org.minigpt.internal.ops.OpFixture.shape;
import static org.minigpt.testing.Deviation.assertEntries;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.internal.ops.OpFixture.Definition;
import org.minigpt.testing.FloatAndDouble;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

class LayerNormOpTest {
    private static final Definition LAYER_NORM = withEps(1e-5);

    private static Definition withEps(double eps) {
        return (sd, in) -> new LayerNormOp(sd, in[0], in[1], in.length == 3 ? in[2] : null, eps);
    }

    @FloatAndDouble
    void normalisesEachRow(DataType type) {
        INDArray x = array(type, shape(2, 2), 1, 3, 5, 5);
        INDArray gain = array(type, shape(2), 2, 4);
        INDArray bias = array(type, shape(2), 10, 20);

        // Row 0: mean 2, variance ((1-2)² + (3-2)²)/2 = 1, deviation √(1 + 3) = 2, normalised [-0.5, 0.5].
        // Row 1: mean 5, variance 0, normalised [0, 0].
        INDArray biased = OpFixture.output(withEps(3), x, gain, bias);
        assertArrayEquals(new long[] {2, 2}, biased.shape());
        // [-0.5·2 + 10, 0.5·4 + 20], [0·2 + 10, 0·4 + 20]
        assertEntries(biased, 9, 22, 10, 20);
        assertEntries(OpFixture.output(withEps(3), x, gain), -1, 2, 0, 0);
    }

    @FloatAndDouble
    void gradientsByHand(DataType type) {
        INDArray x = array(type, shape(1, 2), 1, 3);
        INDArray gain = array(type, shape(2), 2, 4);
        INDArray bias = array(type, shape(2), 10, 20);
        INDArray dy = array(type, shape(1, 2), 1, 2);

        List<INDArray> gradients = OpFixture.gradients(withEps(3), dy, x, gain, bias);

        // x̂ = [-0.5, 0.5], 1/deviation = 0.5, g = dy·gain = [2, 8], E[g] = 5, E[g·x̂] = (-1 + 4)/2 = 1.5
        // dx = 0.5·(g - 5 - x̂·1.5) = 0.5·[2 - 5 + 0.75, 8 - 5 - 0.75]
        assertEntries(gradients.get(0), -1.125, 1.125);
        // dgain = dy·x̂
        assertEntries(gradients.get(1), -0.5, 1);
        // dbias = dy
        assertEntries(gradients.get(2), 1, 2);
        assertEntries(OpFixture.gradients(withEps(3), dy, x, gain).get(1), -0.5, 1);
    }

    @Test
    void gradientsAreThoseOfDifferences() {
        INDArray x = normal(1, 2, 3, 5);
        INDArray gain = normal(2, 5);
        OpFixture.assertGradients(LAYER_NORM, x, gain, normal(3, 5));
        OpFixture.assertGradients(LAYER_NORM, x, gain);
    }

    /** Tiles hold 4096 entries: 64 rows of 64, and a part of a row of 5000. */
    @ParameterizedTest
    @CsvSource({"7,1", "1,5000", "3,5000", "65,64", "129,33", "1,16"})
    void floatsAreAsDoubles(int rows, int c) {
        INDArray x = normal(1, rows, c).addi(0.5);
        INDArray gain = normal(2, c);
        OpFixture.assertFloatAsDouble(LAYER_NORM, x, gain, normal(3, c));
        OpFixture.assertFloatAsDouble(LAYER_NORM, x, gain);
    }

    /** A mean far from 0 must not drown the deviations from it. */
    @Test
    void aLargeMeanIsTakenOff() {
        INDArray x = array(DataType.FLOAT, shape(1, 4), 4095, 4096, 4097, 4096);
        INDArray gain = Nd4j.ones(DataType.FLOAT, 4);
        // mean 4096, variance (1 + 0 + 1 + 0)/4 = 0.5, deviation √(0.5 + 0.5) = 1
        assertEntries(OpFixture.output(withEps(0.5), x, gain), -1, 0, 1, 0);
    }

    @FloatAndDouble
    void anyLayoutWillDo(DataType type) {
        OpFixture.assertAnyLayout(
                LAYER_NORM,
                normal(1, 2, 3, 4).castTo(type),
                normal(2, 4).castTo(type),
                normal(3, 4).castTo(type));
    }

    @Test
    void badInputIsNamed() {
        INDArray x = Nd4j.ones(DataType.FLOAT, 2, 3);
        INDArray gain = Nd4j.ones(DataType.FLOAT, 3);
        assertSentence(
                "minigpt_layer_norm needs gain of shape [3], but got FLOAT [2]; pass floating-point values of that shape",
                () -> OpFixture.output(LAYER_NORM, x, Nd4j.ones(DataType.FLOAT, 2)));
        assertSentence(
                "minigpt_layer_norm needs gain of shape [3], but got FLOAT [1, 3]; pass floating-point values of that"
                        + " shape",
                () -> OpFixture.output(LAYER_NORM, x, Nd4j.ones(DataType.FLOAT, 1, 3)));
        assertSentence(
                "minigpt_layer_norm needs bias of shape [3], but got FLOAT [4]; pass floating-point values of that shape",
                () -> OpFixture.output(LAYER_NORM, x, gain, Nd4j.ones(DataType.FLOAT, 4)));
        assertSentence(
                "minigpt_layer_norm needs all its floating-point inputs to be FLOAT, or all DOUBLE, but got FLOAT and"
                        + " DOUBLE; cast them to one of the two",
                () -> OpFixture.output(LAYER_NORM, x, gain.castTo(DataType.DOUBLE)));
        assertSentence(
                "minigpt_layer_norm needs x of type FLOAT or DOUBLE with at least one axis, but got INT [2, 3]; cast or"
                        + " reshape it",
                () -> OpFixture.output(LAYER_NORM, x.castTo(DataType.INT32), gain));
        assertSentence(
                "minigpt_layer_norm needs x of type FLOAT or DOUBLE with at least one axis, but got FLOAT []; cast or"
                        + " reshape it",
                () -> OpFixture.output(LAYER_NORM, Nd4j.scalar(1f), gain));
    }
}
