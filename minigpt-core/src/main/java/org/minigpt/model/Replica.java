package org.minigpt.model;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.minigpt.internal.ops.DropoutKey;
import org.minigpt.internal.runtime.Plan;
import org.minigpt.internal.runtime.PlanArena;
import org.minigpt.internal.runtime.Plans;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * One thread's share of a batch: some of its rows, run through plans in memory of its own. Many tokens are run in chunks, one after
 * the other, so that activations stay near the caches and memory does not grow with the batch.
 */
final class Replica {
    /** Tokens a chunk, if a row is not longer: products are at their peak rate well below. */
    private static final int CHUNK_TOKENS = 2048;

    /** A model's graph, or its gradient function, with its plans, which all replicas share. */
    static final class Graph {
        private final Map<String, String> gradientNames; // by parameter; empty if none are wanted
        private final Plans whole;
        private final Plans chunked; // whose gradients go elsewhere

        Graph(SameDiff sd, Map<String, String> gradientNames) {
            this.gradientNames = gradientNames;
            this.whole = new Plans(sd);
            this.chunked = new Plans(sd);
        }
    }

    /**
     * What a replica computes in.
     *
     * @param gradients to fill
     * @param ofOneChunk the gradients of a chunk, if there are several
     */
    record Memory(PlanArena arena, FlatVector gradients, FlatVector ofOneChunk) {}

    private record Chunk(int first, int rows) {}

    private final Gpt gpt;
    private final Graph graph;
    private final Memory memory;
    private final int t;
    private final List<Chunk> chunks = new ArrayList<>();
    private final List<String> outputs = new ArrayList<>(List.of(Gpt.LOSS));
    private final Map<String, INDArray> targets = new HashMap<>();
    private final boolean accumulates;
    private Plan first;
    private double scale = 1;

    /**
     * @param t T
     * @param first of the rows of the batch [B,T] that are this replica's
     * @param rows how many they are
     */
    Replica(Gpt gpt, Graph graph, Memory memory, int t, int first, int rows) {
        this.gpt = gpt;
        this.graph = graph;
        this.memory = memory;
        this.t = t;
        int count = (int) Math.min(rows, Math.max(1, ((long) rows * t + CHUNK_TOKENS - 1) / CHUNK_TOKENS));
        accumulates = count > 1 && !graph.gradientNames.isEmpty();
        graph.gradientNames.forEach((parameter, gradient) -> {
            outputs.add(gradient);
            targets.put(gradient, ofOneChunk().views().get(parameter));
        });
        for (int i = 0; i < count; i++) {
            int from = (int) ((long) rows * i / count);
            int to = (int) ((long) rows * (i + 1) / count);
            chunks.add(new Chunk(first + from, to - from));
        }
    }

    private FlatVector ofOneChunk() {
        return accumulates ? memory.ofOneChunk : memory.gradients;
    }

    /** @return the chunk's plan; asked for just before it runs, since another one of the arena may end it */
    private Plan plan(Chunk chunk) {
        long[] shape = {chunk.rows, t};
        Map<String, long[]> shapes = new HashMap<>(Map.of(Gpt.IDS, shape, Gpt.TARGETS, shape));
        if (gpt.config().dropout().any()) {
            shapes.put(Gpt.DROPOUT_KEY, DropoutKey.shape());
        }
        return (accumulates ? graph.chunked : graph.whole).get(memory.arena, outputs, shapes, targets);
    }

    /** @return whether the graph holds only ops that can be planned; if not, the replica can't run */
    boolean planned() {
        first = plan(chunks.get(0));
        return first != null;
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
        double loss = 0;
        for (int i = 0; i < chunks.size(); i++) {
            Chunk chunk = chunks.get(i);
            Plan plan = i == 0 && first != null ? first : plan(chunk);
            long firstEntry = (long) chunk.first * t;
            plan.set(Gpt.IDS, x, firstEntry);
            plan.set(Gpt.TARGETS, y, firstEntry);
            if (gpt.config().dropout().any()) {
                plan.set(Gpt.DROPOUT_KEY, DropoutKey.of(dropoutKey, chunk.first), 0);
            }
            plan.run();
            double weight = weight(targets, chunk, t, total);
            loss += weight * plan.output(Gpt.LOSS).getDouble(0);
            scale = accumulates ? 1 : weight;
            if (accumulates) {
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
        return memory.gradients;
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
        INDArray sum = memory.gradients.vector();
        INDArray next = memory.ofOneChunk.vector();
        List<INDArray> terms = first ? List.of(next) : List.of(sum, next);
        double[] weights = first ? new double[] {weight} : new double[] {1, weight};
        GradientSum.compute(terms, weights, sum, 0, sum.length());
    }
}
