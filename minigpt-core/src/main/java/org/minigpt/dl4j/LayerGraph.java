package org.minigpt.dl4j;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import org.minigpt.graph.FusedOps;
import org.minigpt.graph.Scope;
import org.minigpt.kernels.Floats;
import org.minigpt.kernels.NativeMemory;
import org.minigpt.kernels.WeightedSum;
import org.minigpt.ops.DropoutKey;
import org.minigpt.ops.ExternalGradientOp;
import org.minigpt.runtime.Graphs;
import org.minigpt.runtime.Plan;
import org.minigpt.util.Workers;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * The graph of one DL4J layer and its plans. As in {@code Gpt}, the rows of a batch are shared out among threads, each
 * with a plan of its own, and the gradients are added in a fixed order. A training plan runs in two parts: what the
 * forward pass has computed is kept for the backward pass, where DL4J's own SameDiff layers compute it again.
 *
 * <p>Arrays of DL4J's lie in workspaces that are reopened at each call: so they are copied to the plans' own placeholders
 * and from their outputs, never bound.
 */
final class LayerGraph {
    static final String INPUT = "input";
    static final String SCOPE = "layer";
    static final String OUTPUT_GRADIENT = "output_gradient";
    static final String DROPOUT_KEY = "dropout_key";

    /** Sequences of each length up to block_size come by when a network writes. */
    private static final int MAX_INFERENCE_SHAPES = 64;

    /** Training sees few shapes, and each holds much memory. */
    private static final int MAX_TRAINING_SHAPES = 4;

    /** A thread's rows of the batch. */
    record Share(int index, Plan plan, int first, int rows) {}

    private final DataType type;
    private final SameDiff sd;
    private final Map<String, INDArray> parameters;
    private final String output;
    private final boolean inputGradient;
    private final List<Map<String, INDArray>> targets = new ArrayList<>();
    private final List<INDArray> partialGradients = new ArrayList<>();
    private final Map<List<Object>, List<Share>> inference = leastRecentlyUsed(MAX_INFERENCE_SHAPES);
    private final Map<List<Object>, List<Share>> training = leastRecentlyUsed(MAX_TRAINING_SHAPES);

    /**
     * @param type of the parameters
     * @param parameters by name, DL4J's own arrays
     * @param inputGradient whether the input has a gradient, which ids have not
     * @param definition adds the layer to a graph with its placeholders and returns its output
     */
    LayerGraph(
            DataType type,
            Map<String, INDArray> parameters,
            boolean inputGradient,
            BiFunction<SameDiff, Scope, SDVariable> definition) {
        this.type = type;
        this.parameters = parameters;
        this.inputGradient = inputGradient;
        sd = Graphs.create();
        parameters.forEach(sd::var);
        SDVariable key = sd.placeHolder(DROPOUT_KEY, DataType.INT64);
        SDVariable y = definition.apply(sd, scope(sd::getVariable, key));
        output = y.name();
        SDVariable g = sd.placeHolder(OUTPUT_GRADIENT, type);
        sd.setLossVariables(new ExternalGradientOp(sd, y, g).outputVariables("end")[0]);
    }

    /** @return the scope of a layer whose parameters bear DL4J's names */
    static Scope scope(Function<String, SDVariable> parameters, SDVariable dropoutKey) {
        int prefix = SCOPE.length() + 1;
        return Scope.root(
                        new FusedOps(), name -> parameters.apply(ParameterKeys.of(name.substring(prefix))), dropoutKey)
                .in(SCOPE);
    }

    /** @return whether this graph was made for these parameters */
    boolean isOf(Map<String, INDArray> parameters) {
        return this.parameters == parameters;
    }

    /** @return the name of the variable that the definition returned */
    String output() {
        return output;
    }

    /**
     * The plans that compute an output, without gradients.
     *
     * @param inputs what the output depends on, the batch first in each
     * @return null if the graph can't be planned
     */
    List<Share> inference(String name, Map<String, INDArray> inputs) {
        return inference.computeIfAbsent(key(name, inputs), k -> shares(sd, List.of(name), inputs, 0));
    }

    /**
     * The plans that compute the output and all gradients.
     *
     * @param inputs all placeholders but the output's gradient
     * @param y the shape of the output, the batch first unless it is a scalar
     * @return null if the graph can't be planned
     */
    List<Share> training(Map<String, INDArray> inputs, long... y) {
        return training.computeIfAbsent(key(output, inputs), k -> {
            SameDiff graph = inputGradient ? Graphs.differentiate(sd, INPUT) : Graphs.differentiate(sd);
            List<String> outputs = new ArrayList<>(List.of(output));
            parameters.keySet().forEach(name -> outputs.add(gradientOf(name)));
            if (inputGradient) {
                outputs.add(gradientOf(INPUT));
            }
            Map<String, INDArray> all = new HashMap<>(inputs);
            all.put(OUTPUT_GRADIENT, Nd4j.create(sd.getVariable(output).dataType(), y));
            return shares(graph, outputs, all, inputs.get(INPUT).size(0));
        });
    }

    /** Computes the output of a graph that can't be planned, op by op. */
    @SuppressWarnings("try") // the scope is there for its effect
    void outputBySession(Map<String, INDArray> inputs, long dropoutKey, INDArray y) {
        try (MemoryWorkspace outside = Nd4j.getWorkspaceManager().scopeOutOfWorkspaces()) {
            NativeMemory.copy(sd.output(withKey(inputs, dropoutKey), output).get(output), y);
        }
    }

    /**
     * Computes the gradients of a graph that can't be planned, and before them its output once more.
     *
     * @param inputs all placeholders but the key
     * @param dx null if the input has none
     */
    @SuppressWarnings("try") // the scope is there for its effect
    void gradientsBySession(
            Map<String, INDArray> inputs, long dropoutKey, Map<String, INDArray> gradients, INDArray dx) {
        try (MemoryWorkspace outside = Nd4j.getWorkspaceManager().scopeOutOfWorkspaces()) {
            Map<String, INDArray> wanted = new LinkedHashMap<>();
            gradients.forEach((name, target) -> wanted.put(gradientOf(name), target));
            if (dx != null) {
                wanted.put(gradientOf(INPUT), dx);
            }
            Map<String, INDArray> results = Graphs.differentiate(sd)
                    .output(withKey(inputs, dropoutKey), wanted.keySet().toArray(String[]::new));
            wanted.forEach((name, target) -> NativeMemory.copy(results.get(name), target));
        }
    }

    private static Map<String, INDArray> withKey(Map<String, INDArray> inputs, long dropoutKey) {
        Map<String, INDArray> all = new HashMap<>(inputs);
        all.put(DROPOUT_KEY, DropoutKey.of(dropoutKey, 0));
        return all;
    }

    private static List<Object> key(String name, Map<String, INDArray> inputs) {
        return List.of(name, Arrays.toString(inputs.get(INPUT).shape()), inputs.keySet());
    }

    String gradientOf(String name) {
        return sd.getVariable(name).getGradient().name();
    }

    @SuppressWarnings("try") // the scope is there for its effect
    private List<Share> shares(SameDiff graph, List<String> outputs, Map<String, INDArray> inputs, long trained) {
        int b = (int) inputs.get(INPUT).size(0);
        int n = Math.min(Runtime.getRuntime().availableProcessors(), b);
        List<Share> result = new ArrayList<>();
        try (MemoryWorkspace outside = Nd4j.getWorkspaceManager().scopeOutOfWorkspaces()) {
            Map<Integer, Map<String, INDArray>> samples = new HashMap<>();
            for (int i = 0; i < n; i++) {
                int first = (int) ((long) b * i / n);
                int rows = (int) ((long) b * (i + 1) / n) - first;
                Map<String, INDArray> sample = samples.computeIfAbsent(rows, r -> sample(inputs, r));
                Plan plan = Plan.of(graph, outputs, sample, trained > 0 ? targets(i) : Map.of());
                if (plan == null) {
                    return null;
                }
                result.add(new Share(i, plan, first, rows));
            }
        }
        return result;
    }

    private static Map<String, INDArray> sample(Map<String, INDArray> inputs, int rows) {
        Map<String, INDArray> result = new HashMap<>();
        inputs.forEach((name, array) -> {
            long[] shape = array.shape().clone();
            if (shape.length > 0) {
                shape[0] = rows;
            }
            result.put(name, Nd4j.create(array.dataType(), shape));
        });
        result.put(DROPOUT_KEY, DropoutKey.of(0, 0));
        return result;
    }

    /** Where share number {@code i} puts the gradients: DL4J makes its own vector only after the first forward pass. */
    private Map<String, INDArray> targets(int i) {
        while (targets.size() <= i) {
            long length =
                    parameters.values().stream().mapToLong(INDArray::length).sum();
            INDArray vector = Nd4j.create(type, length);
            Map<String, INDArray> views = new LinkedHashMap<>();
            long at = 0;
            for (Map.Entry<String, INDArray> p : parameters.entrySet()) {
                long end = at + p.getValue().length();
                views.put(
                        p.getKey(),
                        vector.get(NDArrayIndex.interval(at, end))
                                .reshape(p.getValue().shape()));
                at = end;
            }
            targets.add(views);
            partialGradients.add(vector);
        }
        Map<String, INDArray> result = new HashMap<>();
        targets.get(i).forEach((name, view) -> result.put(gradientOf(name), view));
        return result;
    }

    /** Sets what all shares take from a batch: each its rows of the inputs, and their masks. */
    static void set(Share share, Map<String, INDArray> inputs, long dropoutKey) {
        inputs.forEach((name, array) -> {
            long rowLength = array.length() / array.size(0);
            share.plan().set(name, array, share.first() * rowLength);
        });
        share.plan().set(DROPOUT_KEY, DropoutKey.of(dropoutKey, share.first()), 0);
    }

    /** Runs a task for each share, side by side. */
    static void run(List<Share> shares, Consumer<Share> task) {
        List<Runnable> tasks = new ArrayList<>();
        shares.forEach(share -> tasks.add(() -> task.accept(share)));
        Workers.runAll(tasks);
    }

    /**
     * Adds the shares' gradients.
     *
     * @param sum the layer's part of DL4J's gradient vector
     */
    void addUp(int shares, INDArray sum) {
        if (type == DataType.DOUBLE) {
            NativeMemory.copy(partialGradients.get(0).reshape(sum.shape()), sum);
            for (int i = 1; i < shares; i++) {
                sum.addi(partialGradients.get(i).reshape(sum.shape()));
            }
            return;
        }
        float[] ones = new float[shares];
        Arrays.fill(ones, 1);
        long length = sum.length();
        List<Runnable> parts = new ArrayList<>();
        for (int i = 0; i < shares; i++) {
            int from = (int) (length * i / shares);
            int to = (int) (length * (i + 1) / shares);
            parts.add(() -> {
                Floats[] terms = partialGradients.subList(0, shares).stream()
                        .map(Floats::of)
                        .toArray(Floats[]::new);
                new WeightedSum().compute(terms, ones, Floats.of(sum), from, to);
            });
        }
        Workers.runAll(parts);
    }

    private static <V> Map<List<Object>, V> leastRecentlyUsed(int max) {
        return new LinkedHashMap<>(16, 0.75f, true) {
            private static final long serialVersionUID = 1L;

            @Override
            protected boolean removeEldestEntry(Map.Entry<List<Object>, V> eldest) {
                return size() > max;
            }
        };
    }
}
