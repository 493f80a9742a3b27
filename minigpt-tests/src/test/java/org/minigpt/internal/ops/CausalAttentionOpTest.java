package org.minigpt.internal.ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.minigpt.internal.ops.OpFixture.array;
import static org.minigpt.internal.ops.OpFixture.normal;
import static org.minigpt.internal.ops.OpFixture.shape;
import static org.minigpt.testing.Deviation.assertEntries;
import static org.minigpt.testing.Deviation.assertNear;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.internal.ops.OpFixture.Definition;
import org.minigpt.testing.FloatAndDouble;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

class CausalAttentionOpTest {
    private static final double LN2 = Math.log(2);
    private static final double LN3 = Math.log(3);

    private static Definition heads(int heads) {
        return (sd, in) -> new CausalAttentionOp(sd, in[0], in.length == 2 ? in[1] : null, heads, 0.25, 7);
    }

    private static INDArray key(long key) {
        return Nd4j.scalar(DataType.INT64, key);
    }

    @FloatAndDouble
    void oneHeadByHand(DataType type) {
        // T = 2, D = 1; each row is q, k, v.
        INDArray qkv = array(type, shape(1, 2, 3), 5, 0, 4, 1, LN3, 8);

        INDArray y = OpFixture.output(heads(1), qkv);

        assertArrayEquals(new long[] {1, 2, 1}, y.shape());
        // Row 0 sees itself only: v = 4. Row 1: scores 1·[0, ln 3] = [ln 1, ln 3], probabilities [1/4, 3/4],
        // 4/4 + 8·3/4 = 7
        assertEntries(y, 4, 7);
    }

    @FloatAndDouble
    void gradientOfOneHeadByHand(DataType type) {
        INDArray qkv = array(type, shape(1, 2, 3), 5, 0, 4, 1, LN3, 8);
        INDArray dy = array(type, shape(1, 2, 1), 2, 1);

        INDArray dqkv = OpFixture.gradients(heads(1), dy, qkv).get(0);

        // Row 0: p = [1], dv0 = 2, and no change of the only score changes anything: dq0 = 0, dk0 = 0.
        // Row 1: p = [1/4, 3/4], dp = 1·[4, 8], Σ p·dp = 7, ds = p·(dp - 7) = [-3/4, 3/4],
        // dq1 = ds·k = 3/4·ln 3, dk = ds·q1 = [-3/4, 3/4], dv = p.
        assertEntries(dqkv, 0, -0.75, 2 + 0.25, 0.75 * LN3, 0.75, 0.75);
    }

    @FloatAndDouble
    void headsLieSideBySide(DataType type) {
        // T = 2, H = 2, D = 1; each row is q, q', k, k', v, v'. The first head is the one above.
        INDArray qkv = array(type, shape(1, 2, 6), 5, 9, 0, LN2 / 2, 4, 3, 1, 2, LN3, 0, 8, 9);

        // Second head, row 1: scores 2·[ln 2 / 2, 0] = [ln 2, ln 1], probabilities [2/3, 1/3], 3·2/3 + 9/3 = 5
        assertEntries(OpFixture.output(heads(2), qkv), 4, 3, 7, 5);
    }

    @FloatAndDouble
    void scoresAreOverTheRootOfTheHeadSize(DataType type) {
        // T = 2, D = 4: q1·k1/√4 = 2·ln 3/2 = ln 3, so the probabilities are [1/4, 3/4] again.
        INDArray qkv = Nd4j.zeros(type, 1, 2, 12);
        qkv.putScalar(new int[] {0, 1, 0}, 2);
        qkv.putScalar(new int[] {0, 1, 4}, LN3);
        qkv.get(NDArrayIndex.point(0), NDArrayIndex.point(0), NDArrayIndex.interval(8, 12))
                .assign(4);
        qkv.get(NDArrayIndex.point(0), NDArrayIndex.point(1), NDArrayIndex.interval(8, 12))
                .assign(8);

        assertEntries(OpFixture.output(heads(1), qkv), 4, 4, 4, 4, 7, 7, 7, 7);
    }

    /** To the bit, across the tiles of 64 query rows. */
    @FloatAndDouble
    void nothingDependsOnTheFuture(DataType type) {
        INDArray qkv = normal(1, 1, 70, 12).castTo(type);
        INDArray before = OpFixture.output(heads(2), qkv);
        for (int changed : new int[] {1, 63, 64, 69}) {
            INDArray other = qkv.dup();
            other.get(NDArrayIndex.all(), NDArrayIndex.interval(changed, 70), NDArrayIndex.all())
                    .addi(3);

            INDArray after = OpFixture.output(heads(2), other);

            assertEquals(rows(before, 0, changed), rows(after, 0, changed));
            assertNotEquals(rows(before, changed, changed + 1), rows(after, changed, changed + 1));
        }
    }

    private static INDArray rows(INDArray y, int from, int to) {
        return y.get(NDArrayIndex.all(), NDArrayIndex.interval(from, to), NDArrayIndex.all())
                .dup();
    }

    @FloatAndDouble
    void sequencesOfABatchDoNotSeeEachOther(DataType type) {
        INDArray qkv = normal(1, 3, 5, 12).castTo(type);
        INDArray together = OpFixture.output(heads(4), qkv);
        for (int b = 0; b < 3; b++) {
            INDArray alone = OpFixture.output(heads(4), qkv.get(NDArrayIndex.interval(b, b + 1)));
            assertEquals(together.get(NDArrayIndex.interval(b, b + 1)).dup(), alone);
        }
    }

    /** Scores of ±1e4, whose exponentials a float can't hold. */
    @FloatAndDouble
    void extremeScoresStayNumbers(DataType type) {
        INDArray qkv = array(type, shape(1, 3, 3), 1, -1e4, 3, 1, 1e4, 5, 1, -1e4, 7);

        // Rows 1 and 2 attend to key 1 only.
        assertEntries(OpFixture.output(heads(1), qkv), 3, 5, 5);
        INDArray dqkv =
                OpFixture.gradients(heads(1), Nd4j.ones(type, 1, 3, 1), qkv).get(0);
        // dv = Σ p: row 0 for itself, rows 1 and 2 for row 1; scores so far apart have no gradient.
        assertEntries(dqkv, 0, 0, 1, 0, 0, 2, 0, 0, 0);
    }

    @Test
    void gradientsAreThoseOfDifferences() {
        OpFixture.assertGradients(heads(1), normal(1, 1, 1, 6));
        OpFixture.assertGradients(heads(2), normal(1, 2, 4, 12));
        OpFixture.assertGradients(heads(2), normal(1, 2, 4, 12), key(11));
    }

    /** Tiles hold 64 query rows. */
    @ParameterizedTest
    @CsvSource({"1,1,1,1", "2,1,12,3", "3,7,6,6", "2,64,8,2", "1,65,12,3", "2,130,10,1"})
    void floatsAreAsDoubles(int b, int t, int c, int heads) {
        INDArray qkv = normal(1, b, t, 3 * c);
        OpFixture.assertFloatAsDouble(heads(heads), qkv);
        OpFixture.assertFloatAsDouble(heads(heads), qkv, key(5));
    }

    @FloatAndDouble
    void dropoutDropsProbabilities(DataType type) {
        int t = 100;
        // All scores are 0 and all values 1, so y of row i is the number of kept probabilities over i + 1, over 1 - p.
        INDArray qkv = Nd4j.zeros(type, 2, t, 6);
        qkv.get(NDArrayIndex.all(), NDArrayIndex.all(), NDArrayIndex.interval(4, 6))
                .assign(1);

        INDArray y = OpFixture.output(heads(2), qkv, key(3));

        long kept = 0;
        for (int b = 0; b < 2; b++) {
            for (int i = 0; i < t; i++) {
                for (int head = 0; head < 2; head++) {
                    double count = y.getDouble(b, i, head) * (i + 1) * (1 - 0.25);
                    assertEquals(Math.rint(count), count, 1e-3);
                    kept += Math.round(count);
                }
            }
        }
        // 4 heads of 100·101/2 = 5050 probabilities: 0.75·20200 = 15150 are kept, give or take five times the
        // deviation √(20200·0.75·0.25) = 61.5
        assertEquals(15150, kept, 5 * 61.5);
        assertEquals(y, OpFixture.output(heads(2), qkv, key(3)));
        assertNotEquals(y, OpFixture.output(heads(2), qkv, key(4)));
        // Key 0 drops nothing, and all probabilities together are 1.
        INDArray ones = Nd4j.ones(type, 2, t, 2);
        assertNear("key 0", ones, OpFixture.output(heads(2), qkv, key(0)), type == DataType.FLOAT ? 1e-5 : 1e-13);
    }

    /** The head of {@link #oneHeadByHand}, of whose probabilities keys drop none, either or both of row 1. */
    @FloatAndDouble
    void dropoutByHand(DataType type) {
        INDArray qkv = array(type, shape(1, 2, 3), 5, 0, 4, 1, LN3, 8);
        INDArray dy = array(type, shape(1, 2, 1), 2, 1);
        Set<Long> cases = new HashSet<>();
        for (long key = 1; key <= 100; key++) {
            INDArray y = OpFixture.output(heads(1), qkv, key(key));
            // Row 0 has the probability 1 of v = 4. It is dropped, or scaled by 1/(1 - 1/4) = 4/3: y = 0 or 16/3.
            double f0 = y.getDouble(0, 0, 0) == 0 ? 0 : 4 / 3.0;
            // Row 1: probabilities [1/4, 3/4] of the values 4 and 8, so y = 4/4·f1 + 8·3/4·f2 = f1 + 6·f2,
            // which is 0, 4/3, 8 or 28/3: 4/3 times the weights, 1 and 6, of those that are kept.
            long kept = Math.round(y.getDouble(0, 1, 0) * 3 / 4);
            double f1 = kept % 6 == 1 ? 4 / 3.0 : 0;
            double f2 = kept >= 6 ? 4 / 3.0 : 0;
            cases.add(kept);
            assertEntries(y, 4 * f0, f1 + 6 * f2);

            // Row 0: dv0 = 2·f0; the softmax of a single score has no gradient.
            // Row 1: dp = 1·[4·f1, 8·f2], s = Σ p·dp = f1 + 6·f2, ds = p·(dp - s)
            //      = [1/4·(3·f1 - 6·f2), 3/4·(2·f2 - f1)] = [-x, x] with x = 3/4·(2·f2 - f1);
            //        dq1 = ds·k = x·ln 3, dk = ds·q1 = [-x, x], dv = p·f = [f1/4, 3/4·f2].
            double x = 0.75 * (2 * f2 - f1);
            INDArray dqkv = OpFixture.gradients(heads(1), dy, qkv, key(key)).get(0);
            assertEntries(dqkv, 0, -x, 2 * f0 + f1 / 4, x * LN3, x, 0.75 * f2);
        }
        assertEquals(Set.of(0L, 1L, 6L, 7L), cases);
    }

    /** Rows 2 and 3 of a batch, computed by themselves; in two tiles of queries. */
    @FloatAndDouble
    void whatIsDroppedInARowDoesNotDependOnTheOthers(DataType type) {
        INDArray qkv = normal(1, 5, 70, 12).castTo(type);
        INDArray dy = normal(2, 5, 70, 4).castTo(type);
        INDArray rows = qkv.get(NDArrayIndex.interval(2, 4)).dup();
        INDArray dyRows = dy.get(NDArrayIndex.interval(2, 4)).dup();

        INDArray alone = OpFixture.output(heads(2), rows, DropoutKey.of(42, 2));
        INDArray all = OpFixture.output(heads(2), qkv, key(42));
        assertEquals(all.get(NDArrayIndex.interval(2, 4)).dup(), alone);
        assertNotEquals(alone, OpFixture.output(heads(2), rows, DropoutKey.of(42, 1)));
        INDArray dqkv = OpFixture.gradients(heads(2), dy, qkv, key(42)).get(0);
        assertEquals(
                dqkv.get(NDArrayIndex.interval(2, 4)).dup(),
                OpFixture.gradients(heads(2), dyRows, rows, DropoutKey.of(42, 2))
                        .get(0));
    }

    @FloatAndDouble
    void anyLayoutWillDo(DataType type) {
        OpFixture.assertAnyLayout(heads(2), normal(1, 2, 3, 12).castTo(type));
        OpFixture.assertAnyLayout(heads(2), normal(1, 2, 3, 12).castTo(type), key(9));
    }

    @Test
    void badInputIsNamed() {
        INDArray qkv = Nd4j.ones(DataType.FLOAT, 2, 3, 12);
        assertSentence(
                "minigpt_causal_attention needs the last axis of qkv to be 3·n_embd with n_embd divisible by its 3 heads,"
                        + " but got 12; change n_head or n_embd",
                () -> OpFixture.output(heads(3), qkv));
        assertSentence(
                "minigpt_causal_attention needs qkv of shape [*, *, *], but got FLOAT [6, 12]; pass floating-point values"
                        + " of that shape",
                () -> OpFixture.output(heads(2), qkv.reshape(6, 12)));
        assertSentence(
                "minigpt_causal_attention needs all its floating-point inputs to be FLOAT, or all DOUBLE, but got"
                        + " BFLOAT16; cast them to one of the two",
                () -> OpFixture.output(heads(2), qkv.castTo(DataType.BFLOAT16)));
        assertSentence(
                "minigpt_causal_attention needs the dropout key of type INT or LONG, but got FLOAT; cast them",
                () -> OpFixture.output(heads(2), qkv, Nd4j.scalar(1f)));
        assertSentence(
                "minigpt_causal_attention needs at least 1 head, but got 0; change n_head",
                () -> OpFixture.output(heads(0), qkv));
        assertSentence(
                "minigpt_causal_attention can't drop a share of 1.0; choose one from 0 to below 1",
                () -> OpFixture.output((sd, in) -> new CausalAttentionOp(sd, in[0], in[1], 1, 1.0, 7), qkv, key(1)));
    }
}
