package org.minigpt.internal.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.minigpt.internal.ops.OpFixture.array;
import static org.minigpt.internal.ops.OpFixture.normal;
import static org.minigpt.internal.ops.OpFixture.shape;
import static org.minigpt.testing.Deviation.assertEntries;
import static org.minigpt.testing.Deviation.assertNear;
import static org.minigpt.testing.Sentences.assertSentence;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.graph.Positions;
import org.minigpt.internal.kernels.DecodeMemory;
import org.minigpt.internal.ops.OpFixture.Definition;
import org.minigpt.internal.parallel.Team;
import org.minigpt.testing.FloatAndDouble;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

class RotaryOpTest {

    private static Definition heads(int heads, int kvHeads, double theta) {
        return (sd, in) -> {
            int d = (int) in[0].getShape()[2] / (heads + 2 * kvHeads);
            return new RotaryOp(sd, in[0], heads, kvHeads, new Positions.Rotary(theta).frequencies(d));
        };
    }

    /** Of a context of 40,960 tokens they are 20 MB for each layer of each plan, if they are not shared. */
    @Test
    void theLayersOfADecoderShareTheAngles() {
        DecodeMemory memory = new DecodeMemory(new Team(1), 0);
        double[] frequencies = {1, 0.1};

        assertSame(memory.angles(frequencies, 8), memory.angles(frequencies.clone(), 8));
        assertNotSame(memory.angles(frequencies, 8), memory.angles(new double[] {1, 0.2}, 8));
    }

    /** One head of four: entry 0 goes with 2 and turns by t, 1 with 3 and turns by t/√θ = t/10. */
    @FloatAndDouble
    void halvesAreTurnedByThePosition(DataType type) {
        // T = 3; q, k, v of each row
        double[] row = {1, 1, 0, 0, 0, 0, 1, 2, 5, 6, 7, 8};
        double[] rows = new double[36];
        for (int t = 0; t < 3; t++) {
            System.arraycopy(row, 0, rows, 12 * t, 12);
        }
        INDArray y = OpFixture.output(heads(1, 1, 100), array(type, shape(1, 3, 12), rows));

        double[] expected = new double[36];
        for (int t = 0; t < 3; t++) {
            double a = t;
            double b = t / 10.0;
            // (1, 0) turned is (cos, sin) and (0, 1) is (-sin, cos); values stay
            double[] turned = {
                Math.cos(a),
                Math.cos(b),
                Math.sin(a),
                Math.sin(b),
                -Math.sin(a),
                -2 * Math.sin(b),
                Math.cos(a),
                2 * Math.cos(b),
                5,
                6,
                7,
                8
            };
            System.arraycopy(turned, 0, expected, 12 * t, 12);
        }
        assertEntries(y, expected);
    }

    /** One pair that turns by 1/4 a position: at position 2 by 1/2. */
    @FloatAndDouble
    void frequenciesAreAnybodys(DataType type) {
        double cos = Math.cos(0.5);
        double sin = Math.sin(0.5);
        INDArray qkv = array(type, shape(1, 3, 6), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 4, 1, 0, 5, 6);
        INDArray y = OpFixture.output((sd, in) -> new RotaryOp(sd, in[0], 1, 1, new double[] {0.25}), qkv);
        double[] expected = new double[18];
        System.arraycopy(new double[] {3 * cos - 4 * sin, 4 * cos + 3 * sin, cos, sin, 5, 6}, 0, expected, 12, 6);
        assertEntries(y, expected);
        assertSentence(
                "minigpt_rotary has 2 frequencies, but its heads are 2 wide, which makes 1 pairs; give one for each",
                () -> OpFixture.output((sd, in) -> new RotaryOp(sd, in[0], 1, 1, new double[2]), qkv));
    }

    private static Definition fromPast(int positions) {
        return (sd, in) -> new RotaryOp(sd, in[0], in[1], 1, 1, new double[] {1}, positions);
    }

    /** As above, in two rows of which the second begins at position 2 of 4. */
    @FloatAndDouble
    void rowsMayBeginAtPositionsOfTheirOwn(DataType type) {
        // q = (1, 0), k = (0, 1), v = (7, 8) at each of two positions; one pair of entries, which turns by the position
        INDArray qkv =
                array(type, shape(2, 2, 6), 1, 0, 0, 1, 7, 8, 1, 0, 0, 1, 7, 8, 1, 0, 0, 1, 7, 8, 1, 0, 0, 1, 7, 8);
        double[] expected = new double[24];
        int[] angles = {0, 1, 2, 3};
        for (int i = 0; i < 4; i++) {
            double cos = Math.cos(angles[i]);
            double sin = Math.sin(angles[i]);
            System.arraycopy(new double[] {cos, sin, -sin, cos, 7, 8}, 0, expected, 6 * i, 6);
        }
        for (DataType whole : new DataType[] {DataType.INT32, DataType.INT64}) {
            INDArray past = Nd4j.createFromArray(0, 2).castTo(whole);
            assertEntries(OpFixture.output(fromPast(4), qkv, past), expected);
        }
        // Of three positions there is no fourth: it counts as the last, 2.
        System.arraycopy(expected, 12, expected, 18, 6);
        assertEntries(OpFixture.output(fromPast(3), qkv, Nd4j.createFromArray(0, 2)), expected);
        OpFixture.assertAnyLayout(fromPast(4), qkv, Nd4j.createFromArray(3, 1));
    }

    @FloatAndDouble
    void aPastThatIsNotThereIsNamed(DataType type) {
        INDArray qkv = Nd4j.ones(type, 2, 1, 6);
        assertSentence(
                "minigpt_rotary: past[0] is 4, but positions go from 0 to 3; crop the sequence to its last tokens",
                () -> OpFixture.output(fromPast(4), qkv, Nd4j.createFromArray(4, 0)));
        assertSentence(
                "minigpt_rotary needs past of shape [2], but got [1]; pass a number for each row of the batch",
                () -> OpFixture.output(fromPast(4), qkv, Nd4j.createFromArray(new int[] {1})));
        assertSentence(
                "minigpt_rotary with a past is for generating and has no gradient; train without one",
                () -> OpFixture.gradients(fromPast(4), qkv, qkv, Nd4j.createFromArray(0, 0)));
    }

    @FloatAndDouble
    void theGradientTurnsBack(DataType type) {
        INDArray qkv = normal(1, 2, 5, 16).castTo(type);
        INDArray y = OpFixture.output(heads(2, 1, 10_000), qkv);
        INDArray back = OpFixture.gradients(heads(2, 1, 10_000), y, qkv).get(0);
        assertNear("turned there and back", qkv, back, type == DataType.FLOAT ? 1e-6 : 1e-14);
    }

    /** What it is for: the score of a query and a key depends on how far apart they are, not on where. */
    @FloatAndDouble
    void scoresDependOnTheDistanceOnly(DataType type) {
        INDArray row = normal(3, 1, 1, 24);
        INDArray qkv = Nd4j.concat(1, row, row, row, row, row).castTo(type);
        INDArray y = OpFixture.output(heads(1, 1, 10_000), qkv).castTo(DataType.DOUBLE);
        for (int distance = 0; distance < 3; distance++) {
            double first = score(y, distance, 0);
            for (int key = 1; key + distance < 5; key++) {
                assertEquals(first, score(y, key + distance, key), type == DataType.FLOAT ? 1e-5 : 1e-12);
            }
        }
    }

    private static double score(INDArray y, int query, int key) {
        double sum = 0;
        for (int j = 0; j < 8; j++) {
            sum += y.getDouble(0, query, j) * y.getDouble(0, key, 8 + j);
        }
        return sum;
    }

    @FloatAndDouble
    void valuesAreLeftAlone(DataType type) {
        INDArray qkv = normal(1, 2, 5, 16).castTo(type);
        INDArray y = OpFixture.output(heads(2, 1, 10_000), qkv);
        assertEquals(values(qkv), values(y));
    }

    private static INDArray values(INDArray qkv) {
        return qkv.get(NDArrayIndex.all(), NDArrayIndex.all(), NDArrayIndex.interval(12, 16))
                .dup();
    }

    @Test
    void gradientsAreThoseOfDifferences() {
        OpFixture.assertGradients(heads(2, 1, 100), normal(1, 2, 3, 16));
    }

    @ParameterizedTest
    @CsvSource({"1,1,1,1,2", "2,7,3,3,4", "3,40,4,2,32", "1,130,2,1,66"})
    void floatsAreAsDoubles(int b, int t, int heads, int kvHeads, int d) {
        OpFixture.assertFloatAsDouble(heads(heads, kvHeads, 10_000), normal(1, b, t, (heads + 2 * kvHeads) * d));
    }

    @FloatAndDouble
    void anyLayoutWillDo(DataType type) {
        OpFixture.assertAnyLayout(heads(2, 2, 10_000), normal(1, 2, 3, 12).castTo(type));
    }

    @Test
    void badInputIsNamed() {
        assertSentence(
                "minigpt_rotary turns pairs of entries, but its heads are 3 wide; change n_head or n_embd so that"
                        + " n_embd/n_head is even",
                () -> OpFixture.output(heads(1, 1, 100), Nd4j.ones(DataType.FLOAT, 1, 2, 9)));
        assertSentence(
                "minigpt_rotary needs the last axis of qkv to be 3·n_embd with n_embd divisible by its 1 heads, but got"
                        + " 10; change n_head or n_embd",
                () -> OpFixture.output(heads(1, 1, 100), Nd4j.ones(DataType.FLOAT, 1, 2, 10)));
        assertSentence(
                "minigpt_rotary can't share 2 heads of keys and values among 3 of queries; choose an n_kv_head that"
                        + " divides n_head",
                () -> OpFixture.output(heads(3, 2, 100), Nd4j.ones(DataType.FLOAT, 1, 2, 14)));
    }
}
