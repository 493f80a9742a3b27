package org.minigpt.train;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.minigpt.data.Batch;
import org.minigpt.internal.batch.GradientSum;
import org.minigpt.internal.random.SplitMix64;
import org.minigpt.internal.runtime.Workspaces;
import org.minigpt.model.Trainable;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The gradients of a step: of one batch, or averaged over several as if they were one large batch, nanoGPT's
 * {@code gradient_accumulation_steps}. Each batch counts by its targets that are not ignored. The sum is taken in the
 * order of the batches, so a run repeats.
 */
final class GradientAccumulation {
    /** Sets the keys of dropout apart from other numbers drawn from the seed. */
    private static final long DROPOUT_STREAM = 0x64726F706F7574L;

    private final Trainable trained;
    private final BatchSource batches;
    private final int steps;
    private final long seed;
    /** Null as long as there is nothing to add up. */
    private INDArray sum;

    /**
     * @param steps the batches of a step
     * @param seed of the dropout masks
     */
    GradientAccumulation(Trainable trained, BatchSource batches, int steps, long seed) {
        this.trained = trained;
        this.batches = batches;
        this.steps = steps;
        this.seed = seed;
    }

    /**
     * What a step is made of, besides the gradients.
     *
     * @param loss the mean over the counted targets of all batches
     * @param tokens of all batches
     */
    record Gradients(double loss, long tokens) {}

    /**
     * Fills {@link Trainable#flatGradients} with the gradients of the step at an iteration.
     *
     * @param stopped asked between two batches
     * @return nothing if it was stopped, as if the step had not begun
     */
    Optional<Gradients> compute(long iteration, BooleanSupplier stopped) {
        if (steps == 1) {
            Batch batch = batches.batch(iteration);
            return Optional.of(new Gradients(lossAndGradients(batch, iteration), tokens(batch)));
        }
        List<Batch> parts = new ArrayList<>();
        long targets = 0;
        long tokens = 0;
        for (int i = 0; i < steps; i++) {
            Batch batch = batches.batch(iteration * steps + i);
            parts.add(batch);
            targets += batch.targetCount();
            tokens += tokens(batch);
        }
        if (sum == null) {
            sum = Workspaces.outside(() -> trained.flatGradients().ulike());
        }
        double loss = 0;
        for (int i = 0; i < steps; i++) {
            if (i > 0 && stopped.getAsBoolean()) {
                return Optional.empty();
            }
            Batch batch = parts.get(i);
            double weight = targets == 0 ? 0 : (double) batch.targetCount() / targets;
            loss += weight * lossAndGradients(batch, iteration * steps + i);
            add(i, weight);
        }
        return Optional.of(new Gradients(loss, tokens));
    }

    private static long tokens(Batch batch) {
        return (long) batch.batchSize() * batch.blockSize();
    }

    private double lossAndGradients(Batch batch, long index) {
        return trained.lossAndGradients(batch, dropoutKey(index));
    }

    /** sum = sum + weight·g; after the last batch it is where the gradients are looked for. */
    private void add(int i, double weight) {
        INDArray g = trained.flatGradients();
        INDArray target = i == steps - 1 ? g : sum;
        if (i == 0) {
            new GradientSum(List.of(g), target, 1).compute(weight);
        } else {
            new GradientSum(List.of(sum, g), target, 1).compute(1, weight);
        }
    }

    /** @return the seed of a batch's dropout masks; never 0, which would drop nothing */
    private long dropoutKey(long index) {
        long key = SplitMix64.at(seed ^ DROPOUT_STREAM, index);
        return key == 0 ? 1 : key;
    }
}
