package org.minigpt.internal.batch;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import org.minigpt.internal.parallel.Workers;
import org.minigpt.internal.runtime.PlanArena;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Data parallelism within the process: the rows of a batch are shared out among replicas of a graph, a thread each,
 * with activations and gradients of their own and common parameters. Gradients are added up in an order that depends on
 * the number of replicas only, so the same seed and number give the same bits. For use by one thread at a time.
 */
public final class Replicas implements AutoCloseable {
    private final int count;
    private final IntFunction<Gradients> newGradients;
    private final List<Gradients> gradients = new ArrayList<>();

    private GradientSum sum; // as it was added up last

    /** Training is not to wait for others, nor to be slowed by what they leave behind: it has its own memory. */
    private final List<PlanArena> arenas = new ArrayList<>();

    /**
     * Where a replica puts its gradients.
     *
     * @param vector of all of them
     * @param views of it, by the names of the gradients in the graph
     */
    public record Gradients(INDArray vector, Map<String, INDArray> views) {}

    /**
     * @param count the number of replicas; a batch of fewer rows uses as many as it has
     * @param newGradients makes those of replica number i, when they are first asked for
     */
    public Replicas(int count, IntFunction<Gradients> newGradients) {
        this.count = count;
        this.newGradients = newGradients;
    }

    /** @return the shares of a batch of b rows */
    public List<Share> shares(int b) {
        int n = Math.min(count, b);
        return shares(b, n, 0, n);
    }

    /**
     * @param n the shares of the whole batch, of which b has no fewer rows
     * @return those from {@code from} to {@code end}, whose replicas are counted from 0
     */
    public List<Share> shares(int b, int n, int from, int end) {
        while (arenas.size() < end - from) {
            arenas.add(new PlanArena());
        }
        return Share.of(b, n, from, arenas.subList(0, end - from));
    }

    /** @return where that replica puts its gradients */
    public Gradients gradients(int replica) {
        while (gradients.size() <= replica) {
            gradients.add(newGradients.apply(gradients.size()));
        }
        return gradients.get(replica);
    }

    /** Runs a task for each share, side by side. */
    public static void run(List<Share> shares, Consumer<Share> task) {
        List<Runnable> tasks = new ArrayList<>();
        shares.forEach(share -> tasks.add(() -> task.accept(share)));
        Workers.runAll(tasks);
    }

    /**
     * sum = Σ weight·gradients, over as many replicas as there are weights.
     *
     * @param sum of the vectors' length; may be the first one's
     */
    public void addUp(double[] weights, INDArray sum) {
        if (weights.length == 1 && weights[0] == 1 && sum == gradients(0).vector()) {
            return;
        }
        if (this.sum == null || !this.sum.isOf(weights.length, sum)) {
            List<INDArray> terms = gradients.subList(0, weights.length).stream()
                    .map(Gradients::vector)
                    .toList();
            this.sum = new GradientSum(terms, sum, weights.length);
        }
        this.sum.compute(weights);
    }

    /** {@link #addUp(double[], INDArray)} with weights of 1. */
    public void addUp(int replicas, INDArray sum) {
        double[] ones = new double[replicas];
        Arrays.fill(ones, 1);
        addUp(ones, sum);
    }

    /** Gives the plans' memory back. */
    @Override
    public void close() {
        arenas.forEach(PlanArena::close);
    }
}
