package org.minigpt.internal.ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.minigpt.internal.ops.OpFixture.array;
import static org.minigpt.internal.ops.OpFixture.shape;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.minigpt.internal.kernels.DecodeMemory;
import org.minigpt.internal.parallel.Team;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** y = x·W + b of a decoder, with what that has and without. */
class InferenceLinearOpTest {
    /** W [3,2] has the rows (1, 2), (3, 4) and (5, 6). */
    private static final INDArray W = array(DataType.FLOAT, shape(3, 2), 1, 2, 3, 4, 5, 6);

    private static OpFixture.Definition linear(boolean outIn) {
        return (sd, in) -> new InferenceLinearOp(sd, in[0], in[1], in.length == 3 ? in[2] : null, outIn);
    }

    @Test
    void byHand() {
        INDArray x = array(DataType.FLOAT, shape(1, 1, 3), 1, 2, 3);
        INDArray b = array(DataType.FLOAT, shape(2), 10, 20);

        INDArray y = OpFixture.output(linear(false), x, W, b);

        // 1·1 + 2·3 + 3·5 = 22, 1·2 + 2·4 + 3·6 = 28; and (10, 20).
        assertEquals(array(DataType.FLOAT, shape(1, 1, 2), 32, 48), y);
    }

    @Test
    void transposedByHand() {
        INDArray x = array(DataType.FLOAT, shape(2, 1, 2), 1, 2, 0, -1);

        INDArray y = OpFixture.output(linear(true), x, W);

        // (1, 2) by the rows of W: 1 + 4 = 5, 3 + 8 = 11, 5 + 12 = 17; (0, -1): -2, -4, -6.
        assertEquals(array(DataType.FLOAT, shape(2, 1, 3), 5, 11, 17, -2, -4, -6), y);
    }

    @Test
    void anyLayout() {
        OpFixture.assertAnyLayout(
                linear(false),
                OpFixture.normal(1, 2, 3, 4).castTo(DataType.FLOAT),
                OpFixture.normal(2, 4, 5).castTo(DataType.FLOAT),
                OpFixture.normal(3, 5).castTo(DataType.FLOAT));
    }

    /** The op holds nothing but its arguments: one that SameDiff has made anew computes the same in the same memory. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 5})
    void aCloneInADecodersMemoryComputesTheSame(int threads) {
        DecodeMemory memory = new DecodeMemory(new Team(threads), 6);
        INDArray x = Nd4j.create(DataType.FLOAT, 16, 1, 3);
        float[] expected = new float[16 * 2];
        for (int r = 0; r < 16; r++) {
            x.putScalar(new int[] {r, 0, 0}, r);
            // r·(1, 2)
            expected[2 * r] = r;
            expected[2 * r + 1] = 2 * r;
        }
        INDArray y = Nd4j.create(DataType.FLOAT, 16, 1, 2);
        INDArray[] in = {x, W};
        InferenceLinearOp clone = new InferenceLinearOp();
        clone.addBArgument(false);

        clone.bind(in, new INDArray[] {y}, memory).run();
        assertArrayEquals(expected, y.data().asFloat());

        Arrays.fill(expected, 0);
        x.assign(0);
        clone.bind(in, new INDArray[] {y}).run();
        assertArrayEquals(expected, y.data().asFloat());
    }

    @Test
    void whatItCantDo() {
        INDArray x = array(DataType.FLOAT, shape(1, 1, 2), 1, 2);
        assertSentence(
                "minigpt_inference_linear needs all its floating-point inputs to be FLOAT, or all DOUBLE, but got FLOAT and"
                        + " DOUBLE; cast them to one of the two",
                () -> OpFixture.output(linear(false), x, OpFixture.normal(1, 2, 2)));
    }
}
