package org.minigpt.internal.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.internal.ops.OpFixture.normal;
import static org.minigpt.testing.Sentences.assertSentence;

import org.junit.jupiter.api.Test;
import org.minigpt.internal.ops.OpFixture.Definition;
import org.minigpt.testing.FloatAndDouble;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

class DropoutOpTest {
    private static final Definition QUARTER = dropout(0.25, 7);

    private static Definition dropout(double p, long salt) {
        return (sd, in) -> new DropoutOp(sd, in[0], in[1], p, salt);
    }

    private static INDArray key(long key) {
        return Nd4j.scalar(DataType.INT64, key);
    }

    @FloatAndDouble
    void dropsTheShareAndScalesTheRest(DataType type) {
        int n = 100_000;
        INDArray y = OpFixture.output(QUARTER, Nd4j.ones(type, n), key(42));

        int dropped = 0;
        for (double entry : y.data().asDouble()) {
            // 1/(1 - 0.25) = 4/3
            assertTrue(entry == 0 || Math.abs(entry - 4.0 / 3) < 1e-6, () -> "neither 0 nor 4/3: " + entry);
            dropped += entry == 0 ? 1 : 0;
        }
        // 0.25·n = 25000, give or take five times the deviation √(n·0.25·0.75) = 136.9
        assertEquals(25_000, dropped, 5 * 136.9);
    }

    @FloatAndDouble
    void theMaskIsAFunctionOfKeyAndSalt(DataType type) {
        INDArray ones = Nd4j.ones(type, 1000);
        INDArray mask = OpFixture.output(QUARTER, ones, key(42));
        assertEquals(mask, OpFixture.output(QUARTER, ones, key(42)));
        assertEquals(mask, OpFixture.output(QUARTER, ones, key(42).castTo(DataType.INT32)));
        // Masks that know nothing of each other agree on a share 0.25² + 0.75² = 0.625: 625 of 1000, give or take five
        // times the deviation √(1000·0.625·0.375) = 15.3
        for (INDArray other : new INDArray[] {
            OpFixture.output(QUARTER, ones, key(43)),
            OpFixture.output(QUARTER, ones, key(-42)),
            OpFixture.output(dropout(0.25, 8), ones, key(42))
        }) {
            assertEquals(625, mask.eq(other).castTo(DataType.INT32).sumNumber().intValue(), 5 * 15.3);
        }
    }

    @FloatAndDouble
    void keyZeroChangesNothing(DataType type) {
        INDArray x = normal(1, 5000).castTo(type);
        assertEquals(x, OpFixture.output(QUARTER, x, key(0)));
        assertEquals(x, OpFixture.output(dropout(0, 7), x, key(42)));
        assertNotEquals(x, OpFixture.output(QUARTER, x, key(42)));
        INDArray dy = normal(2, 5000).castTo(type);
        assertEquals(dy, OpFixture.gradients(QUARTER, dy, x, key(0)).get(0));
    }

    /** Rows 2 and 3 of a batch, computed by themselves. */
    @FloatAndDouble
    void theMaskOfARowDoesNotDependOnTheOthers(DataType type) {
        INDArray x = normal(1, 5, 3, 70).castTo(type);
        INDArray dy = normal(2, 5, 3, 70).castTo(type);
        INDArray rows = x.get(NDArrayIndex.interval(2, 4)).dup();
        INDArray dyRows = dy.get(NDArrayIndex.interval(2, 4)).dup();

        INDArray all = OpFixture.output(QUARTER, x, key(42));
        INDArray alone = OpFixture.output(QUARTER, rows, DropoutKey.of(42, 2));
        assertEquals(all.get(NDArrayIndex.interval(2, 4)).dup(), alone);
        assertNotEquals(alone, OpFixture.output(QUARTER, rows, DropoutKey.of(42, 1)));
        assertEquals(
                OpFixture.gradients(QUARTER, dy, x, key(42))
                        .get(0)
                        .get(NDArrayIndex.interval(2, 4))
                        .dup(),
                OpFixture.gradients(QUARTER, dyRows, rows, DropoutKey.of(42, 2)).get(0));
        assertEquals(rows, OpFixture.output(QUARTER, rows, DropoutKey.of(0, 2)));
    }

    /** y = x·mask/(1-p) and dx = dy·mask/(1-p), so equal arrays become equal arrays if the mask is the same. */
    @FloatAndDouble
    void theGradientUsesTheSameMask(DataType type) {
        INDArray x = normal(1, 3, 5000).castTo(type);
        assertEquals(
                OpFixture.output(QUARTER, x, key(42)),
                OpFixture.gradients(QUARTER, x, normal(2, 3, 5000).castTo(type), key(42))
                        .get(0));
    }

    @Test
    void gradientsAreThoseOfDifferences() {
        OpFixture.assertGradients(QUARTER, normal(1, 4, 6), key(3));
    }

    /** Tiles hold 4096 entries. */
    @Test
    void floatsAreAsDoubles() {
        for (int length : new int[] {1, 17, 4096, 4097, 9000}) {
            OpFixture.assertFloatAsDouble(QUARTER, normal(1, length).addi(3), key(1));
        }
    }

    @FloatAndDouble
    void anyLayoutWillDo(DataType type) {
        OpFixture.assertAnyLayout(QUARTER, normal(1, 2, 3, 4).castTo(type), key(5));
    }

    @Test
    void badInputIsNamed() {
        INDArray x = Nd4j.ones(DataType.FLOAT, 2);
        assertSentence(
                "minigpt_dropout needs the dropout key of type INT or LONG, but got FLOAT; cast them",
                () -> OpFixture.output(QUARTER, x, Nd4j.scalar(1f)));
        assertSentence(
                "minigpt_dropout needs the dropout key to be a number, or two with that of the first row, but got LONG [3];"
                        + " pass a scalar",
                () -> OpFixture.output(QUARTER, x, Nd4j.createFromArray(1L, 2L, 3L)));
        assertSentence(
                "minigpt_dropout can't drop a share of 1.0; choose one from 0 to below 1",
                () -> OpFixture.output(dropout(1, 7), x, key(1)));
        assertSentence(
                "minigpt_dropout can't drop a share of -0.1; choose one from 0 to below 1",
                () -> OpFixture.output(dropout(-0.1, 7), x, key(1)));
        assertSentence(
                "minigpt_dropout can't drop a share of NaN; choose one from 0 to below 1",
                () -> OpFixture.output(dropout(Double.NaN, 7), x, key(1)));
    }
}
