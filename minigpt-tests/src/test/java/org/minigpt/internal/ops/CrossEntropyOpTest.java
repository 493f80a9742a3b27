package org.minigpt.internal.ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.minigpt.internal.ops.OpFixture.array;
import static org.minigpt.internal.ops.OpFixture.ids;
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

class CrossEntropyOpTest {
    private static final int IGNORE = -1;
    private static final Definition CROSS_ENTROPY = (sd, in) -> new CrossEntropyOp(sd, in[0], in[1], IGNORE);

    /** [1,3,3], and the targets 2, 0 and none. */
    private static INDArray logits(DataType type) {
        return array(type, shape(1, 3, 3), 0, Math.log(2), Math.log(5), 7, 7, 7, 1, 2, 3);
    }

    private static final INDArray TARGETS = Nd4j.createFromArray(new int[][] {{2, 0, IGNORE}});

    @FloatAndDouble
    void isTheMeanOverCountedTargets(DataType type) {
        INDArray loss = OpFixture.output(CROSS_ENTROPY, logits(type), TARGETS);

        assertArrayEquals(new long[0], loss.shape());
        // Probabilities [1, 2, 5]/8 and [1, 1, 1]/3: (-ln 5/8 - ln 1/3)/2
        assertEntries(loss, (Math.log(8.0 / 5) + Math.log(3)) / 2);
    }

    @FloatAndDouble
    void theGradientHonoursWhatComesFromAbove(DataType type) {
        INDArray gradient = OpFixture.gradients(CROSS_ENTROPY, array(type, shape(), 4), logits(type), TARGETS)
                .get(0);

        // (probabilities - onehot)·4/2: 2·[1/8, 2/8, 5/8 - 1], 2·[1/3 - 1, 1/3, 1/3], and nothing for the ignored row
        assertEntries(gradient, 0.25, 0.5, -0.75, -4.0 / 3, 2.0 / 3, 2.0 / 3, 0, 0, 0);
    }

    @FloatAndDouble
    void withoutCountedTargetsThereIsNoLoss(DataType type) {
        INDArray none = Nd4j.createFromArray(new int[][] {{IGNORE, IGNORE, IGNORE}});
        assertEntries(OpFixture.output(CROSS_ENTROPY, logits(type), none), 0);
        assertEntries(
                OpFixture.gradients(CROSS_ENTROPY, array(type, shape(), 4), logits(type), none)
                        .get(0),
                new double[9]);
    }

    @FloatAndDouble
    void anotherIgnoreIndex(DataType type) {
        Definition ignoring100 = (sd, in) -> new CrossEntropyOp(sd, in[0], in[1], -100);
        assertEquals(
                OpFixture.output(CROSS_ENTROPY, logits(type), TARGETS),
                OpFixture.output(ignoring100, logits(type), Nd4j.createFromArray(new long[][] {{2, 0, -100}})));
    }

    @FloatAndDouble
    void extremeLogitsStayNumbers(DataType type) {
        INDArray logits = array(type, shape(3, 2), 1e4, -1e4, 1e4, -1e4, -1e4, -1e4);
        INDArray targets = Nd4j.createFromArray(0, 1, 1);

        // ln(e^1e4 + e^-1e4) = 1e4, so the rows cost 1e4 - 1e4, 1e4 + 1e4 and ln 2: the mean is (2e4 + ln 2)/3
        assertEntries(OpFixture.output(CROSS_ENTROPY, logits, targets), (2e4 + Math.log(2)) / 3);
        // (probabilities - onehot)·3/3: [1 - 1, 0], [1, 0 - 1], [1/2, 1/2 - 1]
        assertEntries(
                OpFixture.gradients(CROSS_ENTROPY, array(type, shape(), 3), logits, targets)
                        .get(0),
                0,
                0,
                1,
                -1,
                0.5,
                -0.5);
    }

    @Test
    void gradientsAreThoseOfDifferences() {
        INDArray targets = ids(2, 5, 2, 4);
        targets.putScalar(0, 1, IGNORE);
        OpFixture.assertGradients(CROSS_ENTROPY, normal(1, 2, 4, 5), targets);
    }

    /** Tiles hold 4096 entries: 63 rows of 65, and a part of a row of 5000. */
    @ParameterizedTest
    @CsvSource({"1,1", "3,2", "70,65", "3,5000", "2,50257"})
    void floatsAreAsDoubles(int rows, int v) {
        INDArray targets = ids(2, v, 1, rows);
        OpFixture.assertFloatAsDouble(CROSS_ENTROPY, normal(1, 1, rows, v).muli(3), targets);
        if (rows > 1) {
            targets.putScalar(0, rows / 2, IGNORE);
            OpFixture.assertFloatAsDouble(CROSS_ENTROPY, normal(1, 1, rows, v).muli(3), targets);
        }
    }

    @FloatAndDouble
    void anyLayoutWillDo(DataType type) {
        OpFixture.assertAnyLayout(CROSS_ENTROPY, normal(1, 2, 4, 5).castTo(type), ids(2, 5, 2, 4));
    }

    @FloatAndDouble
    void targetsOutOfRangeAreNamed(DataType type) {
        String remedy = ", but ids go from 0 to 2; encode the text with the model's own tokenizer";
        assertSentence(
                "minigpt_cross_entropy: targets[1] is 3" + remedy,
                () -> OpFixture.output(CROSS_ENTROPY, logits(type), Nd4j.createFromArray(new int[][] {{2, 3, 0}})));
        assertSentence(
                "minigpt_cross_entropy: targets[2] is -2" + remedy,
                () -> OpFixture.output(CROSS_ENTROPY, logits(type), Nd4j.createFromArray(new int[][] {{2, 1, -2}})));
    }

    @Test
    void badInputIsNamed() {
        INDArray logits = logits(DataType.FLOAT);
        assertSentence(
                "minigpt_cross_entropy needs one target for each row of the logits [1, 3, 3], but got targets [3, 1]; pass"
                        + " logits [B,T,V] and targets [B,T]",
                () -> OpFixture.output(CROSS_ENTROPY, logits, TARGETS.reshape(3, 1)));
        assertSentence(
                "minigpt_cross_entropy needs targets of type INT or LONG, but got FLOAT; cast them",
                () -> OpFixture.output(CROSS_ENTROPY, logits, TARGETS.castTo(DataType.FLOAT)));
        assertSentence(
                "minigpt_cross_entropy needs logits of type FLOAT or DOUBLE with at least one axis, but got FLOAT []; cast"
                        + " or reshape it",
                () -> OpFixture.output(CROSS_ENTROPY, Nd4j.scalar(1f), TARGETS));
        assertSentence(
                "minigpt_cross_entropy needs a floating-point input; cast one",
                () -> OpFixture.output(CROSS_ENTROPY, logits.castTo(DataType.INT32), TARGETS));
    }
}
