package org.minigpt.train;

import org.minigpt.data.Batch;
import org.minigpt.data.RandomWindows;
import org.minigpt.data.SequentialWindows;
import org.minigpt.data.Split;
import org.minigpt.data.TokenDataset;
import org.minigpt.data.Tokens;
import org.minigpt.model.Gpt;
import org.minigpt.util.SplitMix64;

/** The ways to measure a model's loss, in nats a token and without dropout. */
public final class Evaluation {
    private Evaluation() {}

    /**
     * The mean over every target of a split, each seen once: {@link SequentialWindows} of block_size tokens, so that a
     * target has from none to block_size - 1 tokens before it besides its own input.
     *
     * @param ids at least two
     * @param batchSize B, windows evaluated at once: a matter of memory and speed, not of the result
     */
    public static double wholeSplit(Gpt gpt, int[] ids, int batchSize) {
        return wholeSplit(gpt, Tokens.of(ids), batchSize);
    }

    /** As with an array; a split may have more than 2^31 tokens. */
    public static double wholeSplit(Gpt gpt, Tokens ids, int batchSize) {
        double sum = 0;
        long targets = 0;
        for (Batch batch : new SequentialWindows(ids, batchSize, gpt.config().blockSize())) {
            sum += loss(gpt, batch) * batch.targetCount();
            targets += batch.targetCount();
        }
        return sum / targets;
    }

    /**
     * The mean over the batches 0 to {@code evalIters - 1} of random windows, as the lecture's and nanoGPT's
     * {@code estimate_loss}.
     */
    public static double randomBatches(Gpt gpt, RandomWindows windows, int evalIters) {
        double sum = 0;
        for (int i = 0; i < evalIters; i++) {
            sum += loss(gpt, windows.batch(i));
        }
        return sum / evalIters;
    }

    /**
     * An evaluator by the settings of a run: {@code eval_iters} random batches of each split, or all of both splits if
     * that is 0. The random batches are the same at every evaluation, so that two differ by the model alone, and they
     * are not those of the training.
     *
     * @param blockSize T, the tokens of a window
     * @throws org.minigpt.util.MiniGptException if a split has no window
     */
    public static Evaluator of(TokenDataset data, TrainConfig config, int blockSize) {
        int batchSize = config.batchSize();
        if (config.evalIters() == 0) {
            return gpt ->
                    new Losses(wholeSplit(gpt, data.train(), batchSize), wholeSplit(gpt, data.validation(), batchSize));
        }
        RandomWindows train = windows(data, Split.TRAIN, config, blockSize);
        RandomWindows validation = windows(data, Split.VALIDATION, config, blockSize);
        return gpt -> new Losses(
                randomBatches(gpt, train, config.evalIters()), randomBatches(gpt, validation, config.evalIters()));
    }

    private static RandomWindows windows(TokenDataset data, Split split, TrainConfig config, int blockSize) {
        // The training itself draws with the seed as it is.
        long seed = SplitMix64.at(config.seed(), split.ordinal());
        return new RandomWindows(data.of(split), config.batchSize(), blockSize, seed);
    }

    private static double loss(Gpt gpt, Batch batch) {
        return gpt.loss(batch.xArray(), batch.yArray());
    }
}
