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

class ReluOpTest {
    private static final Definition RELU = (sd, in) -> new ReluOp(sd, in[0]);

    @FloatAndDouble
    void cutsOffWhatIsNegative(DataType type) {
        INDArray x = array(type, shape(2, 2), -2, 0, 0.5, 3);
        assertEntries(OpFixture.output(RELU, x), 0, 0, 0.5, 3);
        // The slope is 0 below 0 and at 0, else 1.
        INDArray dy = array(type, shape(2, 2), 10, 20, 30, 40);
        assertEntries(OpFixture.gradients(RELU, dy, x).get(0), 0, 0, 30, 40);
    }

    @Test
    void gradientsAreThoseOfDifferences() {
        OpFixture.assertGradients(RELU, normal(1, 3, 5));
    }

    /** Tiles hold 4096 entries. */
    @ParameterizedTest
    @ValueSource(ints = {1, 17, 4096, 4097, 9000})
    void floatsAreAsDoubles(int length) {
        OpFixture.assertFloatAsDouble(RELU, normal(1, length));
    }

    @FloatAndDouble
    void anyLayoutWillDo(DataType type) {
        OpFixture.assertAnyLayout(RELU, normal(1, 2, 3, 4).castTo(type));
        OpFixture.assertAnyLayout(RELU, normal(1).castTo(type));
    }

    @Test
    void badInputIsNamed() {
        assertSentence(
                "minigpt_relu needs a floating-point input; cast one",
                () -> OpFixture.output(RELU, Nd4j.createFromArray(1, 2)));
    }
}
