package org.minigpt.model;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.minigpt.ops.DropoutKey;
import org.minigpt.runtime.Plan;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * One thread's share of a batch: some of its rows, run through plans of its own. Many tokens are run in chunks, one after
 * the other, so that activations stay near the caches and memory does not grow with the batch.
 */
final class Replica {
    /** Tokens a chunk, if a row is not longer: products are at their peak rate well below. */
    private static final int CHUNK_TOKENS = 2048;

    private record Chunk(Plan plan, int first, int rows) {}

    private final Gpt gpt;
    private final List<Chunk> chunks = new ArrayList<>();
    private final FlatVector gradients;
    private final FlatVector ofOneChunk;
    private double scale = 1;

    /**
     * @param graph the model's graph, or its gradient function
     * @param gradientNames of the variables in the gradient function, by parameter; empty if none are wanted
     * @param gradients to fill
     * @param first of the rows of x [B,T] that are this replica's
     * @param rows how many they are
     */
    Replica(
            Gpt gpt,
            SameDiff graph,
            Map<String, String> gradientNames,
            FlatVector gradients,
            INDArray x,
            int first,
            int rows) {
        this.gpt = gpt;
        this.gradients = gradients;
        int t = (int) x.size(1);
        int count = (int) Math.min(rows, Math.max(1, ((long) rows * t + CHUNK_TOKENS - 1) / CHUNK_TOKENS));
        ofOneChunk = count == 1 || gradientNames.isEmpty()
                ? gradients
                : new FlatVector(gpt.dataType(), gpt.parameterInfos());
        List<String> outputs = new ArrayList<>(List.of(Gpt.LOSS));
        Map<String, INDArray> targets = new HashMap<>();
        gradientNames.forEach((parameter, gradient) -> {
            outputs.add(gradient);
            targets.put(gradient, ofOneChunk.views().get(parameter));
        });
        Map<Integer, Plan> plans = new HashMap<>();
        for (int i = 0; i < count; i++) {
            int from = (int) ((long) rows * i / count);
            int to = (int) ((long) rows * (i + 1) / count);
            INDArray sample = x.get(NDArrayIndex.interval(first + from, first + to), NDArrayIndex.all());
            if (!plans.containsKey(to - from)) {
                plans.put(
                        to - from,
                        Plan.of(graph, outputs, gpt.placeholders(sample, sample, DropoutKey.of(0, 0)), targets));
            }
            chunks.add(new Chunk(plans.get(to - from), first + from, to - from));
        }
    }

    /** @return whether the graph holds only ops that can be planned; if not, the replica can't run */
    boolean planned() {
        return chunks.stream().allMatch(chunk -> chunk.plan != null);
    }

    /**
     * Runs its rows. What the gradients then hold, times {@link #scale}, is the sum over the replica's counted targets of
     * each one's gradient, divided by {@code total}.
     *
     * @param x ids [B,T]
     * @param y targets [B,T]
     * @param targets the entries of y
     * @param total the number of counted targets in the whole batch
     * @return the sum of the losses of its counted targets, divided by {@code total}
     */
    double run(INDArray x, INDArray y, long[] targets, int total, long dropoutKey) {
        int t = (int) x.size(1);
        double loss = 0;
        for (int i = 0; i < chunks.size(); i++) {
            Chunk chunk = chunks.get(i);
            long firstEntry = (long) chunk.first * t;
            chunk.plan.set(Gpt.IDS, x, firstEntry);
            chunk.plan.set(Gpt.TARGETS, y, firstEntry);
            if (gpt.config().dropout().any()) {
                chunk.plan.set(Gpt.DROPOUT_KEY, DropoutKey.of(dropoutKey, chunk.first), 0);
            }
            chunk.plan.run();
            double weight = weight(targets, chunk, t, total);
            loss += weight * chunk.plan.output(Gpt.LOSS).getDouble(0);
            scale = ofOneChunk == gradients ? weight : 1;
            if (ofOneChunk != gradients) {
                accumulate(i == 0, weight);
            }
        }
        return loss;
    }

    /** @return the factor that is still to be applied to the gradients of the last run */
    double scale() {
        return scale;
    }

    /** @return the vector that the last run filled */
    FlatVector gradients() {
        return gradients;
    }

    /** The chunk's share of the batch's counted targets. */
    private static double weight(long[] targets, Chunk chunk, int t, int total) {
        int counted = 0;
        for (int i = chunk.first * t; i < (chunk.first + chunk.rows) * t; i++) {
            counted += targets[i] == Gpt.IGNORE_INDEX ? 0 : 1;
        }
        return total == 0 ? 0 : (double) counted / total;
    }

    /** gradients = weight·g of the first chunk, plus weight·g of each later one. */
    private void accumulate(boolean first, double weight) {
        INDArray sum = gradients.vector();
        INDArray next = ofOneChunk.vector();
        List<INDArray> terms = first ? List.of(next) : List.of(sum, next);
        double[] weights = first ? new double[] {weight} : new double[] {1, weight};
        GradientSum.compute(terms, weights, sum, 0, sum.length());
    }
}
