package org.minigpt.internal.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.minigpt.internal.ops.OpFixture.array;
import static org.minigpt.internal.ops.OpFixture.shape;
import static org.minigpt.testing.Sentences.assertSentence;

import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** The last of each row's tokens, without its padding. */
class LastTokenOpTest {
    private static final OpFixture.Definition LAST = (sd, in) -> new LastTokenOp(sd, in[0], in[1]);

    /** Row 0 has the tokens (1, 2), (3, 4) and (5, 6), row 1 their negatives. */
    private static final INDArray X = array(DataType.FLOAT, shape(2, 3, 2), 1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -6);

    @Test
    void byHand() {
        INDArray y = OpFixture.output(LAST, X, Nd4j.createFromArray(3, 1));

        // The third of row 0, and the first of row 1.
        assertEquals(array(DataType.FLOAT, shape(2, 1, 2), 5, 6, -1, -2), y);
    }

    @Test
    void ofPaddingOnlyTheFirstStandsIn() {
        INDArray y = OpFixture.output(LAST, X, Nd4j.createFromArray(0, 2));

        assertEquals(array(DataType.FLOAT, shape(2, 1, 2), 1, 2, -3, -4), y);
    }

    @Test
    void anyLayout() {
        OpFixture.assertAnyLayout(LAST, X, Nd4j.createFromArray(2, 3));
    }

    @Test
    void whatItCantDo() {
        assertSentence(
                "minigpt_last_token: count[0] is 4, but ids go from 0 to 3; encode the text with the model's own tokenizer",
                () -> OpFixture.output(LAST, X, Nd4j.createFromArray(4, 1)));
    }
}
