package org.minigpt.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.minigpt.testing.Sentences.assertSentence;

import org.junit.jupiter.api.Test;
import org.minigpt.model.Gpt;
import org.minigpt.text.CharTokenizer;
import org.minigpt.text.IdTokenizer;
import org.minigpt.text.Tokenizer;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

class TextScorerTest {
    private static final Tokenizer TOKENIZER = CharTokenizer.fromCorpus("abcd");

    @Test
    void byHand() {
        Gpt gpt = RiggedModels.unigram(0.5, 0.25, 0.125, 0.125);
        // The first a is not predicted; b c a d cost 2, 3, 1 and 3 bits.
        TextScorer.Score score = new TextScorer(gpt, TOKENIZER).score("abcad");
        assertArrayEquals(new int[] {1, 2, 0, 3}, score.ids());
        assertEquals(4, score.characters());
        assertEquals(9 / 4.0, score.bitsPerCharacter(), 1e-6);
        assertEquals(9 / 4.0 * Math.log(2), score.loss(), 1e-6);
        assertEquals(Math.pow(2, 9 / 4.0), score.perplexity(), 1e-5);
    }

    @Test
    void longTextsAreCutIntoWindowsThatOverlapByHalf() {
        Gpt gpt = RiggedModels.random(4, 4);
        String text = "abcdbcadbacdda";
        int[] ids = TOKENIZER.encode(text);
        double[] found = new TextScorer(gpt, TOKENIZER).score(text).logProbabilities();
        // 13 predictions in windows of 4 places: those at 0..3 from place 0 on, then 4 5 from 2 on, 6 7 from 4, 8 9
        // from 6, 10 11 from 8, and 12 from 9, so that the last window ends with the text.
        int[] starts = {0, 0, 0, 0, 2, 2, 4, 4, 6, 6, 8, 8, 9};
        for (int i = 0; i < found.length; i++) {
            int[] context = java.util.Arrays.copyOfRange(ids, starts[i], i + 1);
            INDArray logits = gpt.logits(new int[][] {context});
            double[] last = logits.get(
                            NDArrayIndex.point(0), NDArrayIndex.point(context.length - 1), NDArrayIndex.all())
                    .toDoubleVector();
            assertEquals(new Exponentials(last, 1).logProbability(ids[i + 1]), found[i], 1e-5, "token " + (i + 1));
        }
    }

    /** Of ids without a text, the digits are no characters that anybody wrote. */
    @Test
    void aTokenOfIdsIsACharacter() {
        Gpt gpt = RiggedModels.unigram(0.5, 0.25, 0.125, 0.125);
        TextScorer.Score score = new TextScorer(gpt, new IdTokenizer(4)).score("0 1 2 0   3");
        assertEquals(4, score.characters());
        assertEquals(9 / 4.0, score.bitsPerCharacter(), 1e-6);
    }

    @Test
    void twoTokensAreNeeded() {
        assertSentence(
                "a text of 1 tokens can't be scored, since the first is not predicted; give at least two",
                () -> new TextScorer(RiggedModels.unigram(0.5, 0.5, 0, 0), TOKENIZER).score("a"));
    }
}
