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

class LinearOpTest {
    private static final Definition IN_OUT = layout(false);
    private static final Definition OUT_IN = layout(true);

    private static Definition layout(boolean outIn) {
        return (sd, in) -> new LinearOp(sd, in[0], in[1], in.length == 3 ? in[2] : null, outIn);
    }

    @FloatAndDouble
    void multipliesAndAdds(DataType type) {
        INDArray x = array(type, shape(2, 2), 1, 2, 3, 4);
        INDArray w = array(type, shape(2, 3), 1, 0, 2, 0, 1, -1);
        INDArray b = array(type, shape(3), 10, 20, 30);

        // Row 0: [1·1 + 2·0, 1·0 + 2·1, 1·2 - 2·1] = [1, 2, 0]; row 1: [3, 4, 3·2 - 4·1] = [3, 4, 2]
        assertEntries(OpFixture.output(IN_OUT, x, w), 1, 2, 0, 3, 4, 2);
        assertEntries(OpFixture.output(IN_OUT, x, w, b), 11, 22, 30, 13, 24, 32);
        INDArray transposed = array(type, shape(3, 2), 1, 0, 0, 1, 2, -1);
        assertEntries(OpFixture.output(OUT_IN, x, transposed), 1, 2, 0, 3, 4, 2);
        assertEntries(OpFixture.output(OUT_IN, x, transposed, b), 11, 22, 30, 13, 24, 32);
    }

    @FloatAndDouble
    void gradientsByHand(DataType type) {
        INDArray x = array(type, shape(2, 2), 1, 2, 3, 4);
        INDArray w = array(type, shape(2, 3), 1, 0, 2, 0, 1, -1);
        INDArray transposed = array(type, shape(3, 2), 1, 0, 0, 1, 2, -1);
        INDArray b = array(type, shape(3), 10, 20, 30);
        INDArray dy = array(type, shape(2, 3), 1, 0, 1, 0, 2, 0);

        List<INDArray> inOut = OpFixture.gradients(IN_OUT, dy, x, w, b);
        // dx = dy·Wᵀ: row 0 is W's columns 0 + 2 = [1 + 2, 0 - 1], row 1 twice column 1 = [0, 2]
        assertEntries(inOut.get(0), 3, -1, 0, 2);
        // dW = xᵀ·dy: [[1·1, 3·2, 1·1], [2·1, 4·2, 2·1]]
        assertEntries(inOut.get(1), 1, 6, 1, 2, 8, 2);
        // db = Σ dy over the rows
        assertEntries(inOut.get(2), 1, 2, 1);

        List<INDArray> outIn = OpFixture.gradients(OUT_IN, dy, x, transposed, b);
        assertEntries(outIn.get(0), 3, -1, 0, 2);
        assertEntries(outIn.get(1), 1, 2, 6, 8, 1, 2);
        assertEntries(outIn.get(2), 1, 2, 1);
        assertEntries(OpFixture.gradients(OUT_IN, dy, x, transposed).get(1), 1, 2, 6, 8, 1, 2);
    }

    @Test
    void theLeadingAxesAreAnyNumberOfRows() {
        INDArray w = normal(2, 4, 5);
        assertArrayEquals(
                new long[] {2, 3, 5},
                OpFixture.output(IN_OUT, normal(1, 2, 3, 4), w).shape());
        assertArrayEquals(
                new long[] {5}, OpFixture.output(IN_OUT, normal(1, 4), w).shape());
    }

    @Test
    void gradientsAreThoseOfDifferences() {
        INDArray x = normal(1, 2, 3, 4);
        for (boolean biased : new boolean[] {true, false}) {
            INDArray[] inOut = {x, normal(2, 4, 5), normal(3, 5)};
            INDArray[] outIn = {x, normal(2, 5, 4), normal(3, 5)};
            OpFixture.assertGradients(
                    IN_OUT, biased ? inOut : List.of(inOut).subList(0, 2).toArray(INDArray[]::new));
            OpFixture.assertGradients(
                    OUT_IN, biased ? outIn : List.of(outIn).subList(0, 2).toArray(INDArray[]::new));
        }
    }

    /** Tiles of the bias hold 4096 entries: 63 rows of 65, and a part of a row of 5000. */
    @ParameterizedTest
    @CsvSource({"1,1,1", "70,3,65", "2,7,5000", "127,65,64", "5,300,1"})
    void floatsAreAsDoubles(int rows, int in, int out) {
        INDArray x = normal(1, rows, in);
        OpFixture.assertFloatAsDouble(IN_OUT, x, normal(2, in, out), normal(3, out));
        OpFixture.assertFloatAsDouble(OUT_IN, x, normal(2, out, in), normal(3, out));
        OpFixture.assertFloatAsDouble(IN_OUT, x, normal(2, in, out));
    }

    @FloatAndDouble
    void anyLayoutWillDo(DataType type) {
        INDArray x = normal(1, 2, 3, 4).castTo(type);
        INDArray b = normal(3, 5).castTo(type);
        OpFixture.assertAnyLayout(IN_OUT, x, normal(2, 4, 5).castTo(type), b);
        OpFixture.assertAnyLayout(OUT_IN, x, normal(2, 5, 4).castTo(type), b);
    }

    @Test
    void badInputIsNamed() {
        INDArray x = Nd4j.ones(DataType.FLOAT, 2, 3);
        INDArray w = Nd4j.ones(DataType.FLOAT, 3, 4);
        assertSentence(
                "minigpt_linear needs the weight of shape [*, 3], but got FLOAT [3, 4]; pass floating-point values of that"
                        + " shape",
                () -> OpFixture.output(OUT_IN, x, w));
        assertSentence(
                "minigpt_linear needs the weight of shape [3, *], but got FLOAT [3]; pass floating-point values of that"
                        + " shape",
                () -> OpFixture.output(IN_OUT, x, Nd4j.ones(DataType.FLOAT, 3)));
        assertSentence(
                "minigpt_linear needs the bias of shape [4], but got FLOAT [3]; pass floating-point values of that shape",
                () -> OpFixture.output(IN_OUT, x, w, Nd4j.ones(DataType.FLOAT, 3)));
        assertSentence(
                "minigpt_linear needs x of type FLOAT or DOUBLE with at least one axis, but got LONG [2, 3]; cast or"
                        + " reshape it",
                () -> OpFixture.output(IN_OUT, x.castTo(DataType.INT64), w));
        assertSentence(
                "minigpt_linear needs x of type FLOAT or DOUBLE with at least one axis, but got FLOAT []; cast or reshape"
                        + " it",
                () -> OpFixture.output(IN_OUT, Nd4j.scalar(1f), w));
        assertSentence(
                "minigpt_linear needs all its floating-point inputs to be FLOAT, or all DOUBLE, but got DOUBLE and FLOAT;"
                        + " cast them to one of the two",
                () -> OpFixture.output(IN_OUT, x.castTo(DataType.DOUBLE), w));
    }
}
