package org.minigpt.model;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import org.minigpt.kernels.Floats;
import org.minigpt.kernels.WeightedSum;
import org.minigpt.runtime.Graphs;
import org.minigpt.runtime.Plan;
import org.minigpt.runtime.Workers;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * Data parallelism within the process: the rows of a batch are shared out among replicas of the graph, a thread each,
 * with activations and gradients of their own and common parameters. Losses and gradients are averaged over the counted
 * targets in the order of the replicas, so the same seed and number of replicas give the same bits.
 */
final class Replicas {
    private static final int MAX_SHAPES = 4;
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;

    /** A replica and its rows of the batch, from {@code first} on; its plan is null if the graph can't be planned. */
    private record Replica(Plan plan, FlatVector gradients, int first, int rows) {}

    private final Gpt gpt;
    private final int count;
    private final List<FlatVector> gradients = new ArrayList<>();

    /** By B, T and whether gradients are wanted. Training sees few shapes, and each holds much memory. */
    private final Map<List<Object>, List<Replica>> byShape = new LinkedHashMap<>(8, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<List<Object>, List<Replica>> eldest) {
            return size() > MAX_SHAPES;
        }
    };

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
        List<Object> shape = List.of(x.size(0), x.size(1), withGradients);
        List<Replica> replicas = byShape.get(shape);
        if (replicas == null) {
            replicas = build(x, y, withGradients);
            byShape.put(shape, replicas);
        }
        if (replicas.get(0).plan == null) {
            return OptionalDouble.empty();
        }
        List<Runnable> tasks = new ArrayList<>();
        for (int i = 0; i < replicas.size(); i++) {
            Replica replica = replicas.get(i);
            long key = dropoutKey + i * GOLDEN;
            INDArray keyArray = Nd4j.scalar(DataType.INT64, dropoutKey == 0 ? 0 : key == 0 ? GOLDEN : key);
            tasks.add(() -> {
                long first = replica.first * x.size(1);
                replica.plan.set(Gpt.IDS, x, first);
                replica.plan.set(Gpt.TARGETS, y, first);
                replica.plan.set(Gpt.DROPOUT_KEY, keyArray, 0);
                replica.plan.run();
            });
        }
        Workers.runAll(tasks);
        double[] weights = weights(replicas, y);
        double loss = 0;
        for (int i = 0; i < weights.length; i++) {
            loss += weights[i] * replicas.get(i).plan.output(Gpt.LOSS).getDouble(0);
        }
        if (withGradients && weights.length > 1) {
            average(weights);
        }
        return OptionalDouble.of(loss);
    }

    private List<Replica> build(INDArray x, INDArray y, boolean withGradients) {
        SameDiff sd = gpt.sameDiff();
        List<String> outputs = new ArrayList<>(List.of(Gpt.LOSS));
        Map<String, String> gradientNames = new HashMap<>();
        if (withGradients) {
            SameDiff forward = sd;
            sd = Graphs.differentiate(forward);
            for (String name : gpt.parameters().keySet()) {
                gradientNames.put(name, forward.getVariable(name).getGradient().name());
            }
            outputs.addAll(gradientNames.values());
        }
        int b = (int) x.size(0);
        int n = Math.min(count, b);
        List<Replica> result = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            int first = b * i / n;
            int rows = b * (i + 1) / n - first;
            if (gradients.size() == i) {
                gradients.add(new FlatVector(gpt.dataType(), gpt.parameterInfos()));
            }
            FlatVector own = gradients.get(i);
            Map<String, INDArray> targets = new HashMap<>();
            gradientNames.forEach(
                    (name, gradient) -> targets.put(gradient, own.views().get(name)));
            INDArray rowsOfX = x.get(NDArrayIndex.interval(first, first + rows), NDArrayIndex.all());
            INDArray rowsOfY = y.get(NDArrayIndex.interval(first, first + rows), NDArrayIndex.all());
            result.add(new Replica(
                    Plan.of(sd, outputs, gpt.placeholders(rowsOfX, rowsOfY, 0), targets), own, first, rows));
        }
        return result;
    }

    /** The share of the batch's counted targets that each replica has; equal shares if none counts. */
    private static double[] weights(List<Replica> replicas, INDArray y) {
        int[] targets = y.dup('c').data().asInt();
        int t = (int) y.size(1);
        double[] weights = new double[replicas.size()];
        int total = 0;
        for (int i = 0; i < weights.length; i++) {
            Replica replica = replicas.get(i);
            for (int j = replica.first * t; j < (replica.first + replica.rows) * t; j++) {
                weights[i] += targets[j] == Gpt.IGNORE_INDEX ? 0 : 1;
            }
            total += (int) weights[i];
        }
        for (int i = 0; i < weights.length; i++) {
            weights[i] = total == 0 ? 1.0 / weights.length : weights[i] / total;
        }
        return weights;
    }

    /** Replaces the model's gradients by the weighted sum of the replicas'. */
    private void average(double[] weights) {
        INDArray sum = gradients.get(0).vector();
        if (sum.dataType() == DataType.DOUBLE) {
            sum.muli(weights[0]);
            for (int i = 1; i < weights.length; i++) {
                sum.addi(gradients.get(i).vector().mul(weights[i]));
            }
            return;
        }
        int length = Math.toIntExact(sum.length());
        float[] single = new float[weights.length];
        for (int i = 0; i < single.length; i++) {
            single[i] = (float) weights[i];
        }
        List<Runnable> parts = new ArrayList<>();
        for (int part = 0; part < weights.length; part++) {
            int from = (int) ((long) length * part / weights.length);
            int to = (int) ((long) length * (part + 1) / weights.length);
            parts.add(() -> {
                Floats[] x = new Floats[weights.length];
                for (int i = 0; i < x.length; i++) {
                    x[i] = Floats.of(gradients.get(i).vector());
                }
                new WeightedSum().compute(x, single, Floats.of(sum), from, to);
            });
        }
        Workers.runAll(parts);
    }
}
