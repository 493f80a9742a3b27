package org.minigpt.internal.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.minigpt.internal.ops.OpFixture.array;
import static org.minigpt.internal.ops.OpFixture.ids;
import static org.minigpt.internal.ops.OpFixture.normal;
import static org.minigpt.internal.ops.OpFixture.shape;
import static org.minigpt.testing.Deviation.assertEntries;
import static org.minigpt.testing.Deviation.assertNear;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.minigpt.internal.ops.OpFixture.Definition;
import org.minigpt.testing.FloatAndDouble;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** The ops that positions concern, of rows that hold several texts. */
class PackedOpsTest {
    private static final double LN3 = Math.log(3);

    /** Inputs: qkv, perhaps a dropout key, positions. */
    private static Definition attention(int heads, int kvHeads, boolean alibi) {
        return (sd, in) -> new CausalAttentionOp(
                sd, in[0], in.length == 3 ? in[1] : null, in[in.length - 1], heads, kvHeads, alibi, 0.25, 7);
    }

    private static Definition rotary(int heads, int kvHeads, double... frequencies) {
        return (sd, in) -> RotaryOp.packed(sd, in[0], in[1], heads, kvHeads, frequencies);
    }

    private static final Definition EMBEDDING = (sd, in) -> EmbeddingOp.packed(sd, in[0], in[1], in[2], in[3]);

    private static INDArray positions(int[]... rows) {
        return Nd4j.createFromArray(rows);
    }

    /** @return rows of t tokens, whose texts are 1, 2, 3 ... tokens long, the last as long as there is room */
    private static INDArray growing(int b, int t) {
        int[][] rows = new int[b][t];
        for (int[] row : rows) {
            int at = 0;
            for (int length = 1; at < t; length++) {
                for (int i = 0; i < length && at < t; i++) {
                    row[at++] = i;
                }
            }
        }
        return positions(rows);
    }

    /** A row of a text of one token and of one of two, which is that of {@link CausalAttentionOpTest}. */
    @FloatAndDouble
    void attentionByHand(DataType type) {
        // T = 3, D = 1; each row is q, k, v.
        INDArray qkv = array(type, shape(1, 3, 3), 9, 9, 6, 5, 0, 4, 1, LN3, 8);
        INDArray positions = positions(new int[] {0, 0, 1});

        // Token 0 and token 1 see themselves only: 6 and 4. Token 2 sees 1 and itself: scores [0, ln 3], probabilities
        // [1/4, 3/4], 4/4 + 8·3/4 = 7; a key of 9 before would have taken nearly all.
        assertEntries(OpFixture.output(attention(1, 1, false), qkv, positions), 6, 4, 7);

        INDArray dy = array(type, shape(1, 3, 1), 3, 2, 1);
        INDArray dqkv =
                OpFixture.gradients(attention(1, 1, false), dy, qkv, positions).get(0);
        // Token 0: p = [1], dv = 3. Token 1: dv = 2. Token 2: dp = 1·[4, 8], Σ p·dp = 7, ds = [-3/4, 3/4],
        // dq = ds·k = 3/4·ln 3, dk = ds·q = [-3/4, 3/4], dv = [1/4, 3/4].
        assertEntries(dqkv, 0, 0, 3, 0, -0.75, 2.25, 0.75 * LN3, 0.75, 0.75);
    }

    @FloatAndDouble
    void embeddingByHand(DataType type) {
        INDArray wte = array(type, shape(3, 2), 1, 2, 3, 4, 5, 6);
        INDArray wpe = array(type, shape(4, 2), 10, 20, 30, 40, 50, 60, 70, 80);
        INDArray ids = Nd4j.createFromArray(new int[][] {{2, 0, 2}});
        INDArray positions = positions(new int[] {0, 0, 1});
        // wte[2] + wpe[0], wte[0] + wpe[0], wte[2] + wpe[1]
        assertEntries(OpFixture.output(EMBEDDING, wte, wpe, ids, positions), 15, 26, 11, 22, 35, 46);

        INDArray dy = array(type, shape(1, 3, 2), 1, 2, 3, 4, 5, 6);
        List<INDArray> gradients = OpFixture.gradients(EMBEDDING, dy, wte, wpe, ids, positions);
        // id 0: [3, 4]; id 1: never; id 2: [1 + 5, 2 + 6]
        assertEntries(gradients.get(0), 3, 4, 0, 0, 6, 8);
        // position 0: [1 + 3, 2 + 4]; position 1: [5, 6]
        assertEntries(gradients.get(1), 4, 6, 5, 6, 0, 0, 0, 0);
    }

    /** One pair that turns by 1/4 a position. */
    @FloatAndDouble
    void rotaryByHand(DataType type) {
        double cos = Math.cos(0.25);
        double sin = Math.sin(0.25);
        INDArray qkv = array(type, shape(1, 3, 6), 3, 4, 1, 0, 5, 6, 3, 4, 1, 0, 5, 6, 3, 4, 1, 0, 5, 6);
        double[] turned = {3 * cos - 4 * sin, 4 * cos + 3 * sin, cos, sin};
        // positions 0 and 0 are as they were, position 1 is turned once; values stay
        assertEntries(
                OpFixture.output(rotary(1, 1, 0.25), qkv, positions(new int[] {0, 0, 1})),
                3,
                4,
                1,
                0,
                5,
                6,
                3,
                4,
                1,
                0,
                5,
                6,
                turned[0],
                turned[1],
                turned[2],
                turned[3],
                5,
                6);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void gradientsAreThoseOfDifferences(boolean alibi) {
        INDArray positions = positions(new int[] {0, 1, 0, 0, 1, 2}, new int[] {0, 1, 2, 3, 4, 0});
        OpFixture.assertGradients(attention(2, 2, alibi), normal(1, 2, 6, 12), positions);
        OpFixture.assertGradients(
                attention(2, 1, alibi), normal(1, 2, 6, 8), Nd4j.scalar(DataType.INT64, 11L), positions);
        OpFixture.assertGradients(EMBEDDING, normal(1, 4, 3), normal(2, 7, 3), ids(3, 4, 2, 6), positions);
        OpFixture.assertGradients(rotary(2, 1, 1, 0.3), normal(1, 2, 6, 16), positions);
    }

    /** Tiles hold 64 query rows, and texts may be longer. */
    @ParameterizedTest
    @CsvSource({"1,1,1,1,1", "2,1,12,3,3", "3,7,6,6,2", "2,64,8,2,1", "2,66,12,3,3"})
    void floatsAreAsDoubles(int b, int t, int c, int heads, int kvHeads) {
        int d = c / heads;
        INDArray qkv = normal(1, b, t, c + 2L * kvHeads * d);
        int[] one = new int[t];
        for (int i = 0; i < t; i++) {
            one[i] = i;
        }
        INDArray whole = Nd4j.createFromArray(one).reshape(1, t).repeat(0, b);
        for (INDArray positions : List.of(growing(b, t), whole)) {
            for (boolean alibi : new boolean[] {false, true}) {
                OpFixture.assertFloatAsDouble(attention(heads, kvHeads, alibi), qkv, positions);
                OpFixture.assertFloatAsDouble(
                        attention(heads, kvHeads, alibi), qkv, Nd4j.scalar(DataType.INT64, 5L), positions);
            }
            OpFixture.assertFloatAsDouble(EMBEDDING, normal(1, 5, c), normal(2, t, c), ids(3, 5, b, t), positions);
        }
        OpFixture.assertFloatAsDouble(rotary(1, 1, 1, 0.1), normal(1, b, t, 12), growing(b, t));
    }

    /** Each text has the very bits that it has in a row of its own. */
    @FloatAndDouble
    void aTextIsComputedAsIfAlone(DataType type) {
        INDArray qkv = normal(1, 1, 200, 12).castTo(type);
        int[] lengths = {3, 130, 1, 66};
        int[] positions = new int[200];
        for (int text = 0, at = 0; text < lengths.length; at += lengths[text++]) {
            for (int i = 0; i < lengths[text]; i++) {
                positions[at + i] = i;
            }
        }
        INDArray together = OpFixture.output(attention(2, 2, false), qkv, positions(positions));
        for (int text = 0, at = 0; text < lengths.length; at += lengths[text++]) {
            int end = at + lengths[text];
            INDArray own = qkv.get(NDArrayIndex.all(), NDArrayIndex.interval(at, end), NDArrayIndex.all())
                    .dup();
            int[] ofOne = java.util.Arrays.copyOfRange(positions, at, end);
            INDArray alone = OpFixture.output(attention(2, 2, false), own, positions(ofOne));
            INDArray there = together.get(NDArrayIndex.all(), NDArrayIndex.interval(at, end), NDArrayIndex.all())
                    .dup();
            assertEquals(alone, there);
            assertNear(
                    "as a sequence",
                    OpFixture.output((sd, in) -> new CausalAttentionOp(sd, in[0], null, 2, 0, 7), own),
                    there,
                    type == DataType.FLOAT ? 1e-5 : 1e-12);
        }
    }

    @FloatAndDouble
    void anyLayoutWillDo(DataType type) {
        INDArray qkv = normal(1, 2, 3, 12).castTo(type);
        OpFixture.assertAnyLayout(attention(2, 2, false), qkv, growing(2, 3));
        OpFixture.assertAnyLayout(rotary(1, 1, 1, 0.5), qkv, growing(2, 3));
    }

    @Test
    void badPositionsAreNamed() {
        INDArray qkv = Nd4j.ones(DataType.FLOAT, 2, 3, 6);
        String remedy =
                ", but a row begins at 0, and then each is one more than the one before, or 0 where a text begins;"
                        + " correct them";
        assertSentence(
                "minigpt_causal_attention: positions[1,2] is 3" + remedy,
                () -> OpFixture.output(
                        attention(1, 1, false), qkv, positions(new int[] {0, 1, 2}, new int[] {0, 1, 3})));
        assertSentence(
                "minigpt_rotary: positions[1,0] is 3" + remedy,
                () -> OpFixture.output(rotary(1, 1, 1), qkv, positions(new int[] {0, 1, 2}, new int[] {3, 0, 0})));
        assertSentence(
                "minigpt_causal_attention needs positions of shape [2,3], but got [2, 2]; pass a number for each token",
                () -> OpFixture.output(attention(1, 1, false), qkv, positions(new int[2], new int[2])));
        assertSentence(
                "minigpt_rotary needs positions of type INT or LONG, but got FLOAT; cast them",
                () -> OpFixture.output(rotary(1, 1, 1), qkv, Nd4j.zeros(DataType.FLOAT, 2, 3)));
    }
}
