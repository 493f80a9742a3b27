package org.minigpt.cli.bench;

import java.util.Random;
import org.minigpt.data.Batch;
import org.minigpt.model.GptConfig;
import org.minigpt.train.AdamWConfig;
import org.minigpt.train.AdamWConfig.Decay;

/**
 * What is measured: steps of one model on one batch of random ids, each forward, backward, clipping and AdamW. Every
 * step does the same arithmetic, whatever the ids are.
 *
 * @param config the model
 * @param batchSize B, the rows of the batch; each is of block_size tokens
 * @param steps in a round
 * @param rounds of which the fastest counts: the first ones run code that the JIT has not compiled yet
 */
public record Workload(GptConfig config, int batchSize, int steps, int rounds) {
    /** The different characters of tiny Shakespeare. */
    public static final int VOCAB_SIZE = 65;

    static final double LEARNING_RATE = 1e-3;
    static final double GRAD_CLIP = 1.0;
    static final AdamWConfig ADAM_W = AdamWConfig.pytorch().withDecay(0.1, Decay.ALL);

    /** @return the batch, the same for each call */
    public Batch batch() {
        Random random = new Random(1337);
        int[] x = random.ints(tokens(), 0, config.vocabSize()).toArray();
        int[] y = random.ints(tokens(), 0, config.vocabSize()).toArray();
        return new Batch(batchSize, config.blockSize(), x, y);
    }

    /** @return the tokens of a step, B·T */
    public int tokens() {
        return Math.multiplyExact(batchSize, config.blockSize());
    }
}
