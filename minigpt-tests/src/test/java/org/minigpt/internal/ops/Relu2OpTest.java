package org.minigpt.internal.ops;

import static org.minigpt.internal.ops.OpFixture.array;
import static org.minigpt.internal.ops.OpFixture.normal;
import static org.minigpt.internal.ops.OpFixture.shape;
import static org.minigpt.testing.Deviation.assertEntries;
import static org.minigpt.testing.Sentences.assertSentence;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.minigpt.internal.ops.OpFixture.Definition;
import org.minigpt.testing.FloatAndDouble;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

class Relu2OpTest {
    private static final Definition RELU2 = (sd, in) -> new Relu2Op(sd, in[0]);

    @FloatAndDouble
    void squaresWhatIsPositive(DataType type) {
        // 0.5² = 0.25, 3² = 9
        INDArray x = array(type, shape(2, 2), -2, 0, 0.5, 3);
        assertEntries(OpFixture.output(RELU2, x), 0, 0, 0.25, 9);
        // The slope is 2·max(0, x): 0, 0, 1, 6.
        INDArray dy = array(type, shape(2, 2), 10, 20, 30, 40);
        assertEntries(OpFixture.gradients(RELU2, dy, x).get(0), 0, 0, 30, 240);
    }

    @Test
    void gradientsAreThoseOfDifferences() {
        OpFixture.assertGradients(RELU2, normal(1, 3, 5));
    }

    /** Tiles hold 4096 entries. */
    @ParameterizedTest
    @ValueSource(ints = {1, 17, 4096, 4097, 9000})
    void floatsAreAsDoubles(int length) {
        OpFixture.assertFloatAsDouble(RELU2, normal(1, length));
    }

    @FloatAndDouble
    void anyLayoutWillDo(DataType type) {
        OpFixture.assertAnyLayout(RELU2, normal(1, 2, 3, 4).castTo(type));
        OpFixture.assertAnyLayout(RELU2, normal(1).castTo(type));
    }

    @Test
    void badInputIsNamed() {
        assertSentence(
                "minigpt_relu2 needs a floating-point input; cast one",
                () -> OpFixture.output(RELU2, Nd4j.createFromArray(1, 2)));
    }
}
