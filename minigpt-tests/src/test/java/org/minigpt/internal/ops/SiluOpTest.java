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

class SiluOpTest {
    private static final Definition SILU = (sd, in) -> new SiluOp(sd, in[0]);

    @FloatAndDouble
    void isXTimesItsSigmoid(DataType type) {
        // σ(0) = 1/2, σ(ln 3) = 3/4, σ(-ln 3) = 1/4
        double ln3 = Math.log(3);
        INDArray x = array(type, shape(3), 0, ln3, -ln3);
        assertEntries(OpFixture.output(SILU, x), 0, 0.75 * ln3, -0.25 * ln3);
        // The slope is σ(x)·(1 + x·(1 - σ(x))): 1/2, 3/4·(1 + ln 3/4), 1/4·(1 - 3·ln 3/4).
        INDArray dy = array(type, shape(3), 2, 4, 8);
        assertEntries(OpFixture.gradients(SILU, dy, x).get(0), 1, 3 * (1 + ln3 / 4), 2 * (1 - 0.75 * ln3));
    }

    @Test
    void gradientsAreThoseOfDifferences() {
        OpFixture.assertGradients(SILU, normal(1, 3, 5));
    }

    /** Tiles hold 4096 entries. */
    @ParameterizedTest
    @ValueSource(ints = {1, 17, 4096, 4097, 9000})
    void floatsAreAsDoubles(int length) {
        OpFixture.assertFloatAsDouble(SILU, normal(1, length));
    }

    @FloatAndDouble
    void anyLayoutWillDo(DataType type) {
        OpFixture.assertAnyLayout(SILU, normal(1, 2, 3, 4).castTo(type));
        OpFixture.assertAnyLayout(SILU, normal(1).castTo(type));
    }

    @Test
    void badInputIsNamed() {
        assertSentence(
                "minigpt_silu needs a floating-point input; cast one",
                () -> OpFixture.output(SILU, Nd4j.createFromArray(1, 2)));
    }
}
