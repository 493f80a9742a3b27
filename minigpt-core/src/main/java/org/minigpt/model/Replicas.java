package org.minigpt.model;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import org.minigpt.internal.parallel.Workers;
import org.minigpt.internal.runtime.PlanArena;
import org.minigpt.ops.JavaOps;
import org.minigpt.runtime.Graphs;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Data parallelism within the process: the rows of a batch are shared out among replicas of the graph, a thread each,
 * with activations and gradients of their own and common parameters. Dropout drops the same, however many they are.
 * Losses and gradients are averaged over the counted targets in the order of the replicas, so the same seed and number
 * of replicas give the same bits.
 */
final class Replicas {
    private final Gpt gpt;
    private final int count;

    /** One for each replica, as are the following: that of the first are the model's own. */
    private final List<FlatVector> gradients = new ArrayList<>();

    /** The gradients of one of a replica's chunks, if it has several. */
    private final List<FlatVector> ofOneChunk = new ArrayList<>();

    /** Training is not to wait for others, nor to be slowed by what they leave behind: it has its own memory. */
    private final List<PlanArena> arenas = new ArrayList<>();

    private Replica.Graph forward;
    private Replica.Graph backward;

    /**
     * @param gradients the model's own, which the first replica writes to and the others are added to
     * @param count the number of replicas; a batch of fewer rows uses as many as it has
     */
    Replicas(Gpt gpt, FlatVector gradients, int count) {
        this.gpt = gpt;
        this.count = count;
        this.gradients.add(gradients);
    }

    /**
     * @param x ids [B,T]
     * @param y targets [B,T]
     * @param withGradients whether to fill the model's gradients as well
     * @return the loss, or nothing if the graph holds ops that only SameDiff's own session can run
     */
    synchronized OptionalDouble loss(INDArray x, INDArray y, long dropoutKey, boolean withGradients) {
        List<Replica> replicas = replicas(x, withGradients);
        if (!replicas.get(0).planned()) {
            return OptionalDouble.empty();
        }
        long[] targets = JavaOps.readIntegers(y);
        int total = 0;
        for (long target : targets) {
            total += target == Gpt.IGNORE_INDEX ? 0 : 1;
        }
        double[] losses = new double[replicas.size()];
        List<Runnable> tasks = new ArrayList<>();
        for (int i = 0; i < losses.length; i++) {
            int n = i;
            int counted = total;
            Replica replica = replicas.get(i);
            tasks.add(() -> losses[n] = replica.run(x, y, targets, counted, dropoutKey));
        }
        Workers.runAll(tasks);
        if (withGradients) {
            average(replicas);
        }
        double loss = 0;
        for (double part : losses) {
            loss += part;
        }
        return OptionalDouble.of(loss);
    }

    private List<Replica> replicas(INDArray x, boolean withGradients) {
        Replica.Graph graph = withGradients ? backward() : forward();
        int b = (int) x.size(0);
        int n = Math.min(count, b);
        List<Replica> result = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            if (arenas.size() == i) {
                arenas.add(new PlanArena());
                ofOneChunk.add(new FlatVector(gpt.dataType(), gpt.parameterInfos()));
            }
            if (gradients.size() == i) {
                gradients.add(new FlatVector(gpt.dataType(), gpt.parameterInfos()));
            }
            int first = b * i / n;
            Replica.Memory memory = new Replica.Memory(arenas.get(i), gradients.get(i), ofOneChunk.get(i));
            result.add(new Replica(gpt, graph, memory, (int) x.size(1), first, b * (i + 1) / n - first));
        }
        return result;
    }

    private Replica.Graph forward() {
        if (forward == null) {
            forward = new Replica.Graph(gpt.sameDiff(), Map.of());
        }
        return forward;
    }

    private Replica.Graph backward() {
        if (backward == null) {
            SameDiff sd = gpt.sameDiff();
            SameDiff graph = Graphs.differentiate(sd);
            Map<String, String> gradientNames = new HashMap<>();
            for (String name : gpt.parameters().keySet()) {
                gradientNames.put(name, Graphs.gradientOf(sd, name));
            }
            backward = new Replica.Graph(graph, gradientNames);
        }
        return backward;
    }

    /** Gives all memory back but the model's gradients. */
    synchronized void close() {
        arenas.forEach(PlanArena::close);
        ofOneChunk.forEach(FlatVector::close);
        gradients.subList(1, gradients.size()).forEach(FlatVector::close);
    }

    /** Replaces the model's gradients, which are the first replica's, by the sum of all. */
    private void average(List<Replica> replicas) {
        double[] weights = replicas.stream().mapToDouble(Replica::scale).toArray();
        if (weights.length == 1 && weights[0] == 1) {
            return;
        }
        List<INDArray> terms =
                replicas.stream().map(r -> r.gradients().vector()).toList();
        INDArray sum = gradients.get(0).vector();
        List<Runnable> parts = new ArrayList<>();
        for (int i = 0; i < weights.length; i++) {
            long from = sum.length() * i / weights.length;
            long to = sum.length() * (i + 1) / weights.length;
            parts.add(() -> GradientSum.compute(terms, weights, sum, from, to));
        }
        Workers.runAll(parts);
    }
}
