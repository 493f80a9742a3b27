package org.minigpt.train;

import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.BooleanSupplier;
import java.util.stream.LongStream;
import org.minigpt.data.Batch;
import org.minigpt.data.PackedTexts;
import org.minigpt.data.RandomWindows;
import org.minigpt.data.SequentialWindows;
import org.minigpt.data.TokenDataset;
import org.minigpt.data.TokenDataset.Split;
import org.minigpt.data.Tokens;
import org.minigpt.internal.random.SplitMix64;
import org.minigpt.model.Gpt;
import org.minigpt.train.Evaluator.Losses;

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
        return wholeSplit(gpt, ids, batchSize, () -> false).getAsDouble();
    }

    private static OptionalDouble wholeSplit(Gpt gpt, Tokens ids, int batchSize, BooleanSupplier stopped) {
        return mean(gpt, new SequentialWindows(ids, batchSize, gpt.config().blockSize()), stopped);
    }

    /** The mean over every token of some texts that is to be learnt, such as those of the answers in conversations. */
    public static double ofTexts(Gpt gpt, PackedTexts texts) {
        return mean(gpt, texts, () -> false).getAsDouble();
    }

    /** {@link #ofTexts(Gpt, PackedTexts)} of the first {@code evalIters} shuffled batches, or all if that is 0. */
    public static double ofTexts(Gpt gpt, PackedTexts texts, int evalIters) {
        return mean(gpt, some(texts, evalIters), () -> false).getAsDouble();
    }

    /** Each batch counts by its targets. */
    private static OptionalDouble mean(Gpt gpt, Iterable<Batch> batches, BooleanSupplier stopped) {
        double sum = 0;
        long targets = 0;
        for (Batch batch : batches) {
            if (stopped.getAsBoolean()) {
                return OptionalDouble.empty();
            }
            sum += loss(gpt, batch) * batch.targetCount();
            targets += batch.targetCount();
        }
        return OptionalDouble.of(sum / targets);
    }

    /**
     * The mean over the batches 0 to {@code evalIters - 1} of random windows, as the lecture's and nanoGPT's
     * {@code estimate_loss}.
     */
    public static double randomBatches(Gpt gpt, RandomWindows windows, int evalIters) {
        return randomBatches(gpt, windows, evalIters, () -> false).getAsDouble();
    }

    private static OptionalDouble randomBatches(
            Gpt gpt, RandomWindows windows, int evalIters, BooleanSupplier stopped) {
        double sum = 0;
        for (int i = 0; i < evalIters; i++) {
            if (stopped.getAsBoolean()) {
                return OptionalDouble.empty();
            }
            sum += loss(gpt, windows.batch(i));
        }
        return OptionalDouble.of(sum / evalIters);
    }

    /**
     * An evaluator by the settings of a run: {@code eval_iters} random batches of each split, or all of both splits if
     * that is 0. The random batches are the same at every evaluation, so that two differ by the model alone, and they
     * are not those of the training. One that is to stop does so between two batches.
     *
     * @param blockSize T, the tokens of a window
     * @throws org.minigpt.MiniGptException if a split has no window
     */
    public static Evaluator of(TokenDataset data, TrainConfig config, int blockSize) {
        int batchSize = config.batchSize();
        if (config.evalIters() == 0) {
            return new OfSplits(
                    (gpt, stopped) -> wholeSplit(gpt, data.train(), batchSize, stopped),
                    (gpt, stopped) -> wholeSplit(gpt, data.validation(), batchSize, stopped));
        }
        RandomWindows train = windows(data, Split.TRAIN, config, blockSize);
        RandomWindows validation = windows(data, Split.VALIDATION, config, blockSize);
        return new OfSplits(
                (gpt, stopped) -> randomBatches(gpt, train, config.evalIters(), stopped),
                (gpt, stopped) -> randomBatches(gpt, validation, config.evalIters(), stopped));
    }

    /**
     * An evaluator of texts, over {@code eval_iters} batches of each split, or all of both if that is 0 or more than
     * there are. The batches are the same at every evaluation.
     */
    public static Evaluator of(PackedTexts train, PackedTexts validation, int evalIters) {
        return new OfSplits(
                (gpt, stopped) -> mean(gpt, some(train, evalIters), stopped),
                (gpt, stopped) -> mean(gpt, some(validation, evalIters), stopped));
    }

    private static Iterable<Batch> some(PackedTexts texts, int count) {
        return count == 0 || count >= texts.batchCount()
                ? texts
                : () -> LongStream.range(0, count).mapToObj(texts::batch).iterator();
    }

    /** Measures one split, if it is not stopped. */
    private interface OfSplit {
        OptionalDouble loss(Gpt gpt, BooleanSupplier stopped);
    }

    /** Measures one split after the other. */
    private record OfSplits(OfSplit train, OfSplit validation) implements Evaluator {
        @Override
        public Losses evaluate(Gpt gpt) {
            return evaluate(gpt, () -> false).orElseThrow();
        }

        @Override
        public Optional<Losses> evaluate(Gpt gpt, BooleanSupplier stopped) {
            OptionalDouble first = train.loss(gpt, stopped);
            OptionalDouble second = first.isPresent() ? validation.loss(gpt, stopped) : first;
            return second.isPresent()
                    ? Optional.of(new Losses(first.getAsDouble(), second.getAsDouble()))
                    : Optional.empty();
        }
    }

    private static RandomWindows windows(TokenDataset data, Split split, TrainConfig config, int blockSize) {
        // The training itself draws with the seed as it is.
        long seed = SplitMix64.at(config.seed(), split.ordinal());
        return new RandomWindows(data.of(split), config.batchSize(), blockSize, seed);
    }

    private static double loss(Gpt gpt, Batch batch) {
        return gpt.loss(batch);
    }
}
