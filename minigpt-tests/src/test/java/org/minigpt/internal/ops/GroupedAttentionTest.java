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

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.internal.kernels.AttentionShape;
import org.minigpt.internal.ops.OpFixture.Definition;
import org.minigpt.testing.FloatAndDouble;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** What {@link CausalAttentionOp} does beyond GPT-2's attention: heads that share keys and values, and ALiBi. */
class GroupedAttentionTest {
    private static final double LN2 = Math.log(2);
    private static final double LN3 = Math.log(3);

    private static Definition attention(int heads, int kvHeads, boolean alibi) {
        return (sd, in) ->
                new CausalAttentionOp(sd, in[0], in.length == 2 ? in[1] : null, null, heads, kvHeads, alibi, 0.25, 7);
    }

    @FloatAndDouble
    void headsShareKeysAndValues(DataType type) {
        // T = 2, H = 2, K = 1, D = 1; each row is q, q', k, v.
        INDArray qkv = array(type, shape(1, 2, 4), 5, 9, 0, 4, 1, LN2 / LN3, LN3, 8);

        INDArray y = OpFixture.output(attention(2, 1, false), qkv);

        assertArrayEquals(new long[] {1, 2, 2}, y.shape());
        // Row 0 sees itself only. Row 1: scores [0, ln 3], probabilities [1/4, 3/4], 4/4 + 8·3/4 = 7; and the second
        // head [0, ln 2], [1/3, 2/3], 4/3 + 8·2/3 = 20/3.
        assertEntries(y, 4, 4, 7, 20 / 3.0);
    }

    @FloatAndDouble
    void gradientsOfSharedKeysAndValuesAddUp(DataType type) {
        INDArray qkv = array(type, shape(1, 2, 4), 5, 9, 0, 4, 1, LN2 / LN3, LN3, 8);
        INDArray dy = array(type, shape(1, 2, 2), 2, 3, 1, 9);

        INDArray dqkv = OpFixture.gradients(attention(2, 1, false), dy, qkv).get(0);

        // First head, row 1: p = [1/4, 3/4], dp = [4, 8], Σ p·dp = 7, ds = p·(dp - 7) = [-3/4, 3/4].
        // Second: p = [1/3, 2/3], dp = 9·[4, 8] = [36, 72], Σ = 60, ds = [-8, 8].
        // dq = ds·k = 3/4·ln 3 and 8·ln 3; dk = ds·q = [-3/4, 3/4] + ln 2/ln 3·[-8, 8];
        // dv of row 0 = 2 + 3 + 1/4 + 9/3 and of row 1 = 3/4 + 9·2/3.
        double q = LN2 / LN3;
        assertEntries(dqkv, 0, 0, -0.75 - 8 * q, 8.25, 0.75 * LN3, 8 * LN3, 0.75 + 8 * q, 6.75);
    }

    /** Keys and values written down once for each head of queries are the same as those that are shared. */
    @FloatAndDouble
    void areAsKeysAndValuesRepeated(DataType type) {
        int d = 3;
        INDArray qkv = normal(1, 2, 70, (4 + 2 * 2) * d).castTo(type);
        INDArray q = part(qkv, 0, 4 * d);
        INDArray k0 = part(qkv, 4 * d, 5 * d);
        INDArray k1 = part(qkv, 5 * d, 6 * d);
        INDArray v0 = part(qkv, 6 * d, 7 * d);
        INDArray v1 = part(qkv, 7 * d, 8 * d);
        INDArray repeated = Nd4j.concat(2, q, k0, k0, k1, k1, v0, v0, v1, v1);
        for (boolean alibi : new boolean[] {false, true}) {
            assertNear(
                    "shared",
                    OpFixture.output(attention(4, 4, alibi), repeated),
                    OpFixture.output(attention(4, 2, alibi), qkv),
                    type == DataType.FLOAT ? 1e-6 : 1e-14);
        }
    }

    private static INDArray part(INDArray qkv, int from, int to) {
        return qkv.get(NDArrayIndex.all(), NDArrayIndex.all(), NDArrayIndex.interval(from, to))
                .dup();
    }

    /** Press et al.: 2^-1, 2^-2 ... 2^-8 for 8 heads; their get_slopes for what is no power of 2. */
    @Test
    void slopesAreThoseOfThePaper() {
        for (int head = 0; head < 8; head++) {
            assertEquals(Math.pow(2, -(head + 1)), AttentionShape.alibiSlope(head, 8), 1e-15);
        }
        assertEquals(1 / 256.0, AttentionShape.alibiSlope(0, 1), 1e-15);
        // 6 heads: the four of 4 heads, 2^-2, 2^-4, 2^-6, 2^-8, then the first and third of 8, 2^-1 and 2^-3.
        double[] six = {0.25, 0.0625, 0.015625, 0.00390625, 0.5, 0.125};
        for (int head = 0; head < 6; head++) {
            assertEquals(six[head], AttentionShape.alibiSlope(head, 6), 1e-15);
        }
    }

    @FloatAndDouble
    void alibiTakesTheDistanceOff(DataType type) {
        // T = 3, H = 2, D = 1 with slopes 2^-4 and 2^-8; q = 0, so the scores are what ALiBi makes them.
        // Each row is q, q', k, k', v, v'.
        INDArray qkv = array(type, shape(1, 3, 6), 0, 0, 1, 2, 3, 30, 0, 0, 4, 5, 5, 50, 0, 0, 6, 7, 11, 110);

        INDArray y = OpFixture.output(attention(2, 2, true), qkv);

        double[] expected = {3, 30, 0, 0, 0, 0};
        double[] v = {3, 5, 11};
        for (int t = 1; t < 3; t++) {
            for (int head = 0; head < 2; head++) {
                // Σ e^(-slope·(t - j))·v_j / Σ e^(-slope·(t - j)), j from 0 to t
                double slope = head == 0 ? 1 / 16.0 : 1 / 256.0;
                double sum = 0;
                double weights = 0;
                for (int j = 0; j <= t; j++) {
                    double weight = Math.exp(-slope * (t - j));
                    weights += weight;
                    sum += weight * v[j] * (head == 0 ? 1 : 10);
                }
                expected[2 * t + head] = sum / weights;
            }
        }
        assertEntries(y, expected);
    }

    @Test
    void gradientsAreThoseOfDifferences() {
        OpFixture.assertGradients(attention(4, 2, false), normal(1, 2, 4, 16));
        OpFixture.assertGradients(attention(3, 1, true), normal(1, 2, 4, 10));
        OpFixture.assertGradients(attention(2, 2, true), normal(1, 2, 4, 12));
        OpFixture.assertGradients(attention(4, 2, true), normal(1, 2, 4, 16), Nd4j.scalar(DataType.INT64, 11L));
    }

    /** Tiles hold 64 query rows. */
    @ParameterizedTest
    @CsvSource({"1,1,2,1,1", "2,7,6,3,4", "2,64,4,1,8", "1,65,4,2,12", "2,130,6,2,5"})
    void floatsAreAsDoubles(int b, int t, int heads, int kvHeads, int d) {
        INDArray qkv = normal(1, b, t, (heads + 2 * kvHeads) * d);
        for (boolean alibi : new boolean[] {false, true}) {
            OpFixture.assertFloatAsDouble(attention(heads, kvHeads, alibi), qkv);
            OpFixture.assertFloatAsDouble(attention(heads, kvHeads, alibi), qkv, Nd4j.scalar(DataType.INT64, 5L));
        }
    }

    @FloatAndDouble
    void nothingDependsOnTheFuture(DataType type) {
        INDArray qkv = normal(1, 1, 70, 16).castTo(type);
        INDArray before = OpFixture.output(attention(4, 2, true), qkv);
        for (int changed : new int[] {1, 63, 64, 69}) {
            INDArray other = qkv.dup();
            other.get(NDArrayIndex.all(), NDArrayIndex.interval(changed, 70), NDArrayIndex.all())
                    .addi(3);
            INDArray after = OpFixture.output(attention(4, 2, true), other);
            assertEquals(rows(before, 0, changed), rows(after, 0, changed));
            assertNotEquals(rows(before, changed, changed + 1), rows(after, changed, changed + 1));
        }
    }

    private static INDArray rows(INDArray y, int from, int to) {
        return y.get(NDArrayIndex.all(), NDArrayIndex.interval(from, to), NDArrayIndex.all())
                .dup();
    }

    @Test
    void badInputIsNamed() {
        INDArray qkv = Nd4j.ones(DataType.FLOAT, 2, 3, 14);
        assertSentence(
                "minigpt_causal_attention can't share 3 heads of keys and values among 4 of queries; choose an n_kv_head"
                        + " that divides n_head",
                () -> OpFixture.output(attention(4, 3, false), qkv));
        assertSentence(
                "minigpt_causal_attention needs the last axis of qkv to be 4 heads of queries and twice 2 of keys and"
                        + " values, but got 14; change n_head, n_kv_head or n_embd",
                () -> OpFixture.output(attention(4, 2, false), qkv));
    }
}
