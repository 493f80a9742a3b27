package org.minigpt.generate;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.minigpt.MiniGptException;
import org.minigpt.model.Gpt;
import org.minigpt.text.IdTokenizer;
import org.minigpt.text.Tokenizer;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * How well a model predicts a text. The text is cut into windows of block_size that overlap by half: so each token is
 * predicted from at least block_size/2 tokens before it, or all that there are. May be used by several threads at once
 * as long as none trains.
 */
public final class TextScorer {
    /** How well a model predicted the tokens of a text, all but the first. */
    public static final class Score {
        private final int[] ids;
        private final double[] logProbabilities;
        private final int characters;

        Score(int[] ids, double[] logProbabilities, int characters) {
            this.ids = ids;
            this.logProbabilities = logProbabilities;
            this.characters = characters;
        }

        /** @return the tokens that were predicted */
        public int[] ids() {
            return ids.clone();
        }

        /** @return the natural logarithm of the probability that the model gave each of them */
        public double[] logProbabilities() {
            return logProbabilities.clone();
        }

        /**
         * @return the characters (code points) that these tokens stand for; of ids without a text, a token counts for
         *     one
         */
        public int characters() {
            return characters;
        }

        /** @return the mean of -log p over the tokens, in nats */
        public double loss() {
            return -Arrays.stream(logProbabilities).sum() / logProbabilities.length;
        }

        /** @return e to the loss: among how many equally likely tokens the model would be as unsure */
        public double perplexity() {
            return Math.exp(loss());
        }

        /** @return the sum of -log₂ p over the tokens, by character: what an ideal compressor would need */
        public double bitsPerCharacter() {
            return -Arrays.stream(logProbabilities).sum() / Math.log(2) / characters;
        }
    }

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
    public Score score(String text) {
        int[] ids = tokenizer.encode(text);
        if (ids.length < 2) {
            throw new MiniGptException("a text of " + ids.length
                    + " tokens can't be scored, since the first is not predicted; give at least two");
        }
        double[] logProbabilities = predictions(ids, 0).stream()
                .mapToDouble(token -> token.chosen().logProbability())
                .toArray();
        int[] scored = Arrays.copyOfRange(ids, 1, ids.length);
        if (tokenizer instanceof IdTokenizer) {
            return new Score(scored, logProbabilities, scored.length);
        }
        int characters = text.codePointCount(0, text.length())
                - (int) tokenizer.decode(ids[0]).codePoints().count();
        return new Score(scored, logProbabilities, Math.max(1, characters));
    }

    /**
     * How well the model predicts each token of some.
     *
     * @param ids the tokens
     * @param top how many of the likeliest tokens are told for each place
     * @return of each token but the first, which is not predicted
     */
    public List<GeneratedToken> predictions(int[] ids, int top) {
        int block = gpt.config().blockSize();
        int count = Math.max(0, ids.length - 1);
        List<GeneratedToken> result = new ArrayList<>(count);
        while (result.size() < count) {
            int done = result.size();
            int from = done == 0 ? 0 : Math.min(done - block / 2, count - block);
            from = Math.max(0, from);
            int to = Math.min(from + block, count);
            INDArray logits = gpt.logits(new int[][] {Arrays.copyOfRange(ids, from, to)}); // [1,T,V]
            for (; done < to; done++) {
                double[] row = logits.get(NDArrayIndex.point(0), NDArrayIndex.point(done - from), NDArrayIndex.all())
                        .toDoubleVector();
                Exponentials exponentials = new Exponentials(row, 1);
                int id = ids[done + 1];
                result.add(new GeneratedToken(
                        new GeneratedToken.Candidate(id, exponentials.logProbability(id)),
                        exponentials.likeliest(top)));
            }
        }
        return result;
    }
}
