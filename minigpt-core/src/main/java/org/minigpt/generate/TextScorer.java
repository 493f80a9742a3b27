package org.minigpt.generate;

import java.util.Arrays;
import org.minigpt.MiniGptException;
import org.minigpt.model.Gpt;
import org.minigpt.text.IdTokenizer;
import org.minigpt.text.Tokenizer;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * How well a model predicts a text. The text is cut into windows of block_size that overlap by half: so each token is
 * predicted from at least block_size/2 tokens before it, or all that there are. May be used by several threads at once as
 * long as none trains.
 */
public final class TextScorer {
    private final Gpt gpt;
    private final Tokenizer tokenizer;

    /**
     * @param gpt the model, which is not changed
     * @param tokenizer the one that the model was trained with
     */
    public TextScorer(Gpt gpt, Tokenizer tokenizer) {
        this.gpt = gpt;
        this.tokenizer = tokenizer;
    }

    /**
     * Scores a text.
     *
     * @throws MiniGptException if it has fewer than two tokens, since the first is not predicted, or holds what the
     *     tokenizer does not know
     */
    public TextScore score(String text) {
        int[] ids = tokenizer.encode(text);
        if (ids.length < 2) {
            throw new MiniGptException("a text of " + ids.length
                    + " tokens can't be scored, since the first is not predicted; give at least two");
        }
        int block = gpt.config().blockSize();
        double[] logProbabilities = new double[ids.length - 1];
        int done = 0; // predictions
        while (done < logProbabilities.length) {
            int from = done == 0 ? 0 : Math.min(done - block / 2, logProbabilities.length - block);
            from = Math.max(0, from);
            int to = Math.min(from + block, logProbabilities.length);
            INDArray logits = gpt.logits(new int[][] {Arrays.copyOfRange(ids, from, to)}); // [1,T,V]
            for (; done < to; done++) {
                double[] row = logits.get(NDArrayIndex.point(0), NDArrayIndex.point(done - from), NDArrayIndex.all())
                        .toDoubleVector();
                logProbabilities[done] = new Exponentials(row, 1).logProbability(ids[done + 1]);
            }
        }
        int[] scored = Arrays.copyOfRange(ids, 1, ids.length);
        if (tokenizer instanceof IdTokenizer) {
            return new TextScore(scored, logProbabilities, scored.length);
        }
        int characters = text.codePointCount(0, text.length())
                - (int) tokenizer.decode(ids[0]).codePoints().count();
        return new TextScore(scored, logProbabilities, Math.max(1, characters));
    }
}
