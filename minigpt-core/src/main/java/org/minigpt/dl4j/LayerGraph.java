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
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.internal.kernels.WeightedSum;
import org.minigpt.internal.ops.DropoutKey;
import org.minigpt.internal.ops.ExternalGradientOp;
import org.minigpt.internal.parallel.Workers;
import org.minigpt.internal.runtime.Plan;
import org.minigpt.internal.runtime.PlanArena;
import org.minigpt.internal.runtime.PlanPool;
import org.minigpt.internal.runtime.Plans;
import org.minigpt.internal.runtime.Workspaces;
import org.minigpt.runtime.Graphs;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
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

    /** A thread's rows of the batch. */
    record Share(int index, Plan plan, int first, int rows) {}

    private final DataType type;
    private final SameDiff sd;
    private final Map<String, INDArray> parameters;
    private final String output;
    private final boolean inputGradient;
    private final List<Map<String, INDArray>> targets = new ArrayList<>();
    private final List<INDArray> partialGradients = new ArrayList<>();
    /** What the forward pass leaves for the backward pass stays in memory of the layer's own. */
    private final List<PlanArena> arenas = new ArrayList<>();

    private final Plans inference;
    private Plans training;
    private List<String> trained;

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
        inference = Plans.ofLayer(sd);
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
     * Computes an output, without gradients, in memory that all layers share.
     *
     * @param inputs what the output depends on, the batch first in each
     * @param task what is to be done with each thread's rows, side by side; the plans are not to be used afterwards
     * @return false if the graph can't be planned; then nothing has been done
     */
    boolean infer(String name, Map<String, INDArray> inputs, Consumer<Share> task) {
        int b = (int) inputs.get(INPUT).size(0);
        return PlanPool.call(PlanPool.places(b), arenas -> {
            List<Share> shares = shares(inference, arenas, List.of(name), shapes(inputs), false);
            if (shares == null) {
                return false;
            }
            run(shares, task);
            return true;
        });
    }

    /**
     * The plans that compute the output and all gradients.
     *
     * @param inputs all placeholders but the output's gradient
     * @param y the shape of the output, the batch first unless it is a scalar
     * @return null if the graph can't be planned
     */
    List<Share> training(Map<String, INDArray> inputs, long... y) {
        if (training == null) {
            training = Plans.ofLayer(inputGradient ? Graphs.differentiate(sd, INPUT) : Graphs.differentiate(sd));
            trained = trained();
        }
        int b = (int) inputs.get(INPUT).size(0);
        int n = Math.min(Runtime.getRuntime().availableProcessors(), b);
        while (arenas.size() < n) {
            arenas.add(new PlanArena());
        }
        Map<String, long[]> shapes = shapes(inputs);
        shapes.put(OUTPUT_GRADIENT, y);
        return shares(training, arenas.subList(0, n), trained, shapes, true);
    }

    /** @return the output and all gradients */
    private List<String> trained() {
        List<String> names = new ArrayList<>(List.of(output));
        parameters.keySet().forEach(name -> names.add(gradientOf(name)));
        if (inputGradient) {
            names.add(gradientOf(INPUT));
        }
        return List.copyOf(names);
    }

    /** Computes the output of a graph that can't be planned, op by op. */
    void outputBySession(Map<String, INDArray> inputs, long dropoutKey, INDArray y) {
        NativeMemory.copy(
                Workspaces.outside(() -> sd.output(withKey(inputs, dropoutKey), output))
                        .get(output),
                y);
    }

    /**
     * Computes the gradients of a graph that can't be planned, and before them its output once more.
     *
     * @param inputs all placeholders but the key
     * @param dx null if the input has none
     */
    void gradientsBySession(
            Map<String, INDArray> inputs, long dropoutKey, Map<String, INDArray> gradients, INDArray dx) {
        Map<String, INDArray> wanted = new LinkedHashMap<>();
        gradients.forEach((name, target) -> wanted.put(gradientOf(name), target));
        if (dx != null) {
            wanted.put(gradientOf(INPUT), dx);
        }
        Map<String, INDArray> results = Workspaces.outside(() -> Graphs.differentiate(sd)
                .output(withKey(inputs, dropoutKey), wanted.keySet().toArray(String[]::new)));
        wanted.forEach((name, target) -> NativeMemory.copy(results.get(name), target));
    }

    private static Map<String, INDArray> withKey(Map<String, INDArray> inputs, long dropoutKey) {
        Map<String, INDArray> all = new HashMap<>(inputs);
        all.put(DROPOUT_KEY, DropoutKey.of(dropoutKey, 0));
        return all;
    }

    private static Map<String, long[]> shapes(Map<String, INDArray> inputs) {
        Map<String, long[]> shapes = new HashMap<>();
        inputs.forEach((name, array) -> shapes.put(name, array.shape()));
        return shapes;
    }

    String gradientOf(String name) {
        return Graphs.gradientOf(sd, name);
    }

    /** A share for each arena. */
    private List<Share> shares(
            Plans plans, List<PlanArena> arenas, List<String> outputs, Map<String, long[]> shapes, boolean gradients) {
        int b = (int) shapes.get(INPUT)[0];
        int n = arenas.size();
        List<Share> result = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            int first = (int) ((long) b * i / n);
            int rows = (int) ((long) b * (i + 1) / n) - first;
            Map<String, INDArray> targets = gradients ? targets(i) : Map.of();
            Plan plan = plans.get(arenas.get(i), outputs, ofRows(shapes, rows), targets);
            if (plan == null) {
                return null;
            }
            result.add(new Share(i, plan, first, rows));
        }
        return result;
    }

    private static Map<String, long[]> ofRows(Map<String, long[]> shapes, int rows) {
        Map<String, long[]> result = new HashMap<>();
        shapes.forEach((name, all) -> {
            long[] shape = all.clone();
            if (shape.length > 0) {
                shape[0] = rows;
            }
            result.put(name, shape);
        });
        result.put(DROPOUT_KEY, DropoutKey.shape());
        return result;
    }

    /** Where share number {@code i} puts the gradients: DL4J makes its own vector only after the first forward pass. */
    private Map<String, INDArray> targets(int i) {
        while (targets.size() <= i) {
            long length =
                    parameters.values().stream().mapToLong(INDArray::length).sum();
            INDArray vector = Workspaces.outside(() -> Nd4j.create(type, length));
            Map<String, INDArray> views = new LinkedHashMap<>();
            long at = 0;
            for (Map.Entry<String, INDArray> p : parameters.entrySet()) {
                long end = at + p.getValue().length();
                views.put(
                        gradientOf(p.getKey()),
                        vector.get(NDArrayIndex.interval(at, end))
                                .reshape(p.getValue().shape()));
                at = end;
            }
            targets.add(views);
            partialGradients.add(vector);
        }
        return targets.get(i);
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
}
