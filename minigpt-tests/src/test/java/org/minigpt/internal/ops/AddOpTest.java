package org.minigpt.internal.ops;

import static org.minigpt.internal.ops.OpFixture.array;
import static org.minigpt.internal.ops.OpFixture.normal;
import static org.minigpt.internal.ops.OpFixture.shape;
import static org.minigpt.testing.Deviation.assertEntries;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.minigpt.internal.ops.OpFixture.Definition;
import org.minigpt.testing.FloatAndDouble;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

class AddOpTest {
    private static final Definition ADD = (sd, in) -> new AddOp(sd, in[0], in[1]);

    @FloatAndDouble
    void addsAndPassesTheGradientToBoth(DataType type) {
        INDArray a = array(type, shape(2, 2), 1, 2, 3, 4);
        INDArray b = array(type, shape(2, 2), 10, 20, 30, -4);
        assertEntries(OpFixture.output(ADD, a, b), 11, 22, 33, 0);
        List<INDArray> gradients = OpFixture.gradients(ADD, array(type, shape(2, 2), 5, 6, 7, 8), a, b);
        assertEntries(gradients.get(0), 5, 6, 7, 8);
        assertEntries(gradients.get(1), 5, 6, 7, 8);
    }

    /** One variable twice: x + x, whose gradient is 2·dy. */
    @FloatAndDouble
    void addsAVariableToItself(DataType type) {
        Definition twice = (sd, in) -> new AddOp(sd, in[0], in[0]);
        INDArray x = array(type, shape(2), 1, 2);
        assertEntries(OpFixture.output(twice, x), 2, 4);
        assertEntries(OpFixture.gradients(twice, array(type, shape(2), 5, 6), x).get(0), 10, 12);
    }

    @Test
    void gradientsAreThoseOfDifferences() {
        OpFixture.assertGradients(ADD, normal(1, 3, 5), normal(2, 3, 5));
    }

    /** Tiles hold 4096 entries. */
    @ParameterizedTest
    @ValueSource(ints = {1, 17, 4096, 4097, 9000})
    void floatsAreAsDoubles(int length) {
        OpFixture.assertFloatAsDouble(ADD, normal(1, length), normal(2, length));
    }

    @FloatAndDouble
    void anyLayoutWillDo(DataType type) {
        OpFixture.assertAnyLayout(
                ADD, normal(1, 2, 3, 4).castTo(type), normal(2, 2, 3, 4).castTo(type));
    }

    @Test
    void badInputIsNamed() {
        INDArray a = Nd4j.ones(DataType.FLOAT, 2, 3);
        assertSentence(
                "minigpt_add needs two arrays of one type and shape, but got FLOAT [2, 3] and FLOAT [3]; cast one, or use"
                        + " SDVariable.add to broadcast",
                () -> OpFixture.output(ADD, a, Nd4j.ones(DataType.FLOAT, 3)));
        assertSentence(
                "minigpt_add needs two arrays of one type and shape, but got FLOAT [2, 3] and INT [2, 3]; cast one, or use"
                        + " SDVariable.add to broadcast",
                () -> OpFixture.output(ADD, a, a.castTo(DataType.INT32)));
        assertSentence(
                "minigpt_add needs all its floating-point inputs to be FLOAT, or all DOUBLE, but got FLOAT and DOUBLE;"
                        + " cast them to one of the two",
                () -> OpFixture.output(ADD, a, a.castTo(DataType.DOUBLE)));
    }
}
