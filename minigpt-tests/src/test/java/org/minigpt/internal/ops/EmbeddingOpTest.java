package org.minigpt.internal.ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.minigpt.internal.ops.OpFixture.array;
import static org.minigpt.internal.ops.OpFixture.ids;
import static org.minigpt.internal.ops.OpFixture.normal;
import static org.minigpt.internal.ops.OpFixture.shape;
import static org.minigpt.testing.Deviation.assertEntries;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.internal.ops.OpFixture.Definition;
import org.minigpt.testing.FloatAndDouble;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

class EmbeddingOpTest {
    private static final Definition EMBEDDING = (sd, in) -> new EmbeddingOp(sd, in[0], in[1], in[2]);
    private static final INDArray IDS = Nd4j.createFromArray(new int[][] {{2, 0, 2}, {1, 1, 0}});

    private static INDArray wte(DataType type) {
        return array(type, shape(3, 2), 1, 2, 3, 4, 5, 6);
    }

    /** One position more than the sequences have. */
    private static INDArray wpe(DataType type) {
        return array(type, shape(4, 2), 10, 20, 30, 40, 50, 60, 70, 80);
    }

    @FloatAndDouble
    void addsTokenAndPosition(DataType type) {
        INDArray y = OpFixture.output(EMBEDDING, wte(type), wpe(type), IDS);

        assertArrayEquals(new long[] {2, 3, 2}, y.shape());
        // wte[2] + wpe[0] = [5 + 10, 6 + 20], wte[0] + wpe[1] = [1 + 30, 2 + 40], wte[2] + wpe[2] = [5 + 50, 6 + 60];
        // wte[1] + wpe[0] = [3 + 10, 4 + 20], wte[1] + wpe[1] = [3 + 30, 4 + 40], wte[0] + wpe[2] = [1 + 50, 2 + 60]
        assertEntries(y, 15, 26, 31, 42, 55, 66, 13, 24, 33, 44, 51, 62);
    }

    private static final Definition TOKENS = (sd, in) -> new EmbeddingOp(sd, in[0], null, in[1]);

    @FloatAndDouble
    void positionsMayBeAbsent(DataType type) {
        assertEntries(OpFixture.output(TOKENS, wte(type), IDS), 5, 6, 1, 2, 5, 6, 3, 4, 3, 4, 1, 2);
        INDArray dy = array(type, shape(2, 3, 2), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
        List<INDArray> gradients = OpFixture.gradients(TOKENS, dy, wte(type), IDS);
        // as with positions, below
        assertEquals(1, gradients.size());
        assertEntries(gradients.get(0), 14, 16, 16, 18, 6, 8);
        OpFixture.assertAnyLayout(TOKENS, wte(type), IDS);
        OpFixture.assertGradients(TOKENS, normal(1, 4, 3), ids(3, 4, 3, 4));
        OpFixture.assertFloatAsDouble(TOKENS, normal(1, 5, 33), ids(3, 5, 2, 7));
    }

    @FloatAndDouble
    void gradientsOfRepeatedIdsAddUp(DataType type) {
        INDArray dy = array(type, shape(2, 3, 2), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);

        List<INDArray> gradients = OpFixture.gradients(EMBEDDING, dy, wte(type), wpe(type), IDS);

        // id 0 at [0,1] and [1,2]: [3 + 11, 4 + 12]; id 1 at [1,0] and [1,1]: [7 + 9, 8 + 10];
        // id 2 at [0,0] and [0,2]: [1 + 5, 2 + 6]
        assertEntries(gradients.get(0), 14, 16, 16, 18, 6, 8);
        // position 0: [1 + 7, 2 + 8], 1: [3 + 9, 4 + 10], 2: [5 + 11, 6 + 12], 3: never used
        assertEntries(gradients.get(1), 8, 10, 12, 14, 16, 18, 0, 0);
    }

    @FloatAndDouble
    void idsMayBeLong(DataType type) {
        assertEquals(
                OpFixture.output(EMBEDDING, wte(type), wpe(type), IDS),
                OpFixture.output(EMBEDDING, wte(type), wpe(type), IDS.castTo(DataType.INT64)));
    }

    private static final Definition FROM_PAST = (sd, in) -> new EmbeddingOp(sd, in[0], in[1], in[2], in[3]);

    @FloatAndDouble
    void rowsMayBeginAtPositionsOfTheirOwn(DataType type) {
        for (DataType whole : new DataType[] {DataType.INT32, DataType.INT64}) {
            INDArray past = Nd4j.createFromArray(0, 2).castTo(whole);

            INDArray y = OpFixture.output(FROM_PAST, wte(type), wpe(type), IDS.castTo(whole), past);

            // Row 0 as from the beginning, above. Row 1 of the ids 1, 1, 0 is at the positions 2, 3 and, of which there
            // is none, 4, which counts as 3: [3 + 50, 4 + 60], [3 + 70, 4 + 80], [1 + 70, 2 + 80]
            assertEntries(y, 15, 26, 31, 42, 55, 66, 53, 64, 73, 84, 71, 82);
        }
        OpFixture.assertAnyLayout(FROM_PAST, wte(type), wpe(type), IDS, Nd4j.createFromArray(3, 1));
    }

    @FloatAndDouble
    void aPastThatIsNotThereIsNamed(DataType type) {
        String[] sentences = {
            "minigpt_embedding: past[1] is 4, but positions go from 0 to 3; crop the sequence to its last tokens",
            "minigpt_embedding: past[0] is -1, but positions go from 0 to 3; crop the sequence to its last tokens",
            "minigpt_embedding needs past of shape [2], but got [3]; pass a number for each row of the batch",
            "minigpt_embedding needs past of type INT or LONG, but got SHORT; cast them"
        };
        INDArray[] pasts = {
            Nd4j.createFromArray(0, 4),
            Nd4j.createFromArray(-1, 0),
            Nd4j.createFromArray(0, 0, 0),
            Nd4j.createFromArray(0, 1).castTo(DataType.INT16)
        };
        for (int i = 0; i < pasts.length; i++) {
            INDArray past = pasts[i];
            assertSentence(sentences[i], () -> OpFixture.output(FROM_PAST, wte(type), wpe(type), IDS, past));
        }
        assertSentence(
                "minigpt_embedding with a past is for generating and has no gradient; train without one",
                () -> OpFixture.gradients(
                        FROM_PAST, Nd4j.ones(type, 2, 3, 2), wte(type), wpe(type), IDS, Nd4j.createFromArray(0, 1)));
    }

    @Test
    void gradientsAreThoseOfDifferences() {
        OpFixture.assertGradients(EMBEDDING, normal(1, 4, 3), normal(2, 5, 3), ids(3, 4, 3, 4));
    }

    @ParameterizedTest
    @CsvSource({"1,1,1,1,1", "5,9,2,7,33", "3,4,50,4,1", "2,1,3,1,5000"})
    void floatsAreAsDoubles(int vocab, int positions, int b, int t, int c) {
        OpFixture.assertFloatAsDouble(EMBEDDING, normal(1, vocab, c), normal(2, positions, c), ids(3, vocab, b, t));
    }

    @FloatAndDouble
    void anyLayoutWillDo(DataType type) {
        OpFixture.assertAnyLayout(EMBEDDING, wte(type), wpe(type), IDS);
        OpFixture.assertAnyLayout(EMBEDDING, wte(type), wpe(type), IDS.castTo(DataType.INT64));
    }

    private static void assertRefused(String sentence, INDArray wte, INDArray wpe, INDArray ids) {
        assertSentence(sentence, () -> OpFixture.output(EMBEDDING, wte, wpe, ids));
    }

    @FloatAndDouble
    void idsOutOfRangeAreNamed(DataType type) {
        INDArray wte = wte(type);
        INDArray wpe = wpe(type);
        String remedy = ", but ids go from 0 to 2; encode the text with the model's own tokenizer";
        assertRefused("minigpt_embedding: ids[3] is 3" + remedy, wte, wpe, Nd4j.createFromArray(new int[][] {
            {0, 1}, {2, 3}
        }));
        assertRefused("minigpt_embedding: ids[0] is -1" + remedy, wte, wpe, Nd4j.createFromArray(new int[][] {{-1}}));
        // 2³² + 1, which is 1 if all but the low 32 bits are dropped
        assertRefused("minigpt_embedding: ids[0] is 2147483647" + remedy, wte, wpe, Nd4j.createFromArray(new long[][] {
            {4294967297L}
        }));
    }

    @Test
    void badInputIsNamed() {
        INDArray wte = wte(DataType.FLOAT);
        INDArray wpe = wpe(DataType.FLOAT);
        assertRefused(
                "minigpt_embedding: the sequence has 5 tokens, but block_size is 4; crop it to its last 4 tokens",
                wte,
                wpe,
                Nd4j.zeros(DataType.INT32, 1, 5));
        assertRefused(
                "minigpt_embedding needs ids of rank 2, [B,T], but got rank 1; reshape a single sequence to [1,T]",
                wte,
                wpe,
                Nd4j.createFromArray(0, 1));
        assertRefused(
                "minigpt_embedding needs ids of type INT or LONG, but got SHORT; cast them",
                wte,
                wpe,
                IDS.castTo(DataType.INT16));
        assertRefused(
                "minigpt_embedding needs ids of type INT or LONG, but got FLOAT; cast them",
                wte,
                wpe,
                IDS.castTo(DataType.FLOAT));
        assertRefused(
                "minigpt_embedding needs wte of shape [*, *], but got FLOAT [6]; pass floating-point values of that"
                        + " shape",
                wte.reshape(6),
                wpe,
                IDS);
        assertRefused(
                "minigpt_embedding needs wpe of shape [*, 2], but got FLOAT [2, 4]; pass floating-point values of that"
                        + " shape",
                wte,
                wpe.reshape(2, 4),
                IDS);
        assertRefused(
                "minigpt_embedding needs all its floating-point inputs to be FLOAT, or all DOUBLE, but got FLOAT and"
                        + " DOUBLE; cast them to one of the two",
                wte,
                wpe(DataType.DOUBLE),
                IDS);
        assertRefused(
                "minigpt_embedding needs all its floating-point inputs to be FLOAT, or all DOUBLE, but got HALF; cast them"
                        + " to one of the two",
                wte.castTo(DataType.FLOAT16),
                wpe.castTo(DataType.FLOAT16),
                IDS);
    }
}
