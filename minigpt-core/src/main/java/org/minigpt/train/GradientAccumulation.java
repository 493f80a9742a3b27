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
final class GradientAccumulation implements StepGradients {
    /** Sets the keys of dropout apart from other numbers drawn from the seed. */
    private static final long DROPOUT_STREAM = 0x64726F706F7574L;

    private final Trainable trained;
    private final BatchSource batches;
    private final int steps;
    private final long seed;
    private final OfBatch ofBatch;
    /** Null as long as there is nothing to add up. */
    private INDArray sum;

    /**
     * @param steps the batches of a step
     * @param seed of the dropout masks
     * @param ofBatch fills the gradients of {@code trained}
     */
    GradientAccumulation(Trainable trained, BatchSource batches, int steps, long seed, OfBatch ofBatch) {
        this.trained = trained;
        this.batches = batches;
        this.steps = steps;
        this.seed = seed;
        this.ofBatch = ofBatch;
    }

    @Override
    public Optional<Computed> compute(long iteration, BooleanSupplier stopped) {
        if (steps == 1) {
            Batch batch = batches.batch(iteration);
            return Optional.of(new Computed(lossAndGradients(batch, iteration), tokens(batch), 1));
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
        return Optional.of(new Computed(loss, tokens, 1));
    }

    private static long tokens(Batch batch) {
        return (long) batch.batchSize() * batch.blockSize();
    }

    private double lossAndGradients(Batch batch, long index) {
        return ofBatch.lossAndGradients(batch, dropoutKey(index));
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
