package org.minigpt.dl4j;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import org.minigpt.graph.FusedOps;
import org.minigpt.graph.Scope;
import org.minigpt.internal.batch.Replicas;
import org.minigpt.internal.batch.Replicas.Gradients;
import org.minigpt.internal.batch.Share;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.internal.ops.DropoutKey;
import org.minigpt.internal.ops.ExternalGradientOp;
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

    private final DataType type;
    private final SameDiff sd;
    private final Map<String, INDArray> parameters;
    private final String output;
    private final boolean inputGradient;

    /** What the forward pass leaves for the backward pass stays in their memory. */
    private final Replicas replicas;

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
        SDVariable key = sd.placeHolder(Share.DROPOUT_KEY, DataType.INT64);
        SDVariable y = definition.apply(sd, scope(sd::getVariable, key));
        output = y.name();
        SDVariable g = sd.placeHolder(OUTPUT_GRADIENT, type);
        sd.setLossVariables(new ExternalGradientOp(sd, y, g).outputVariables("end")[0]);
        inference = Plans.ofLayer(sd);
        replicas = new Replicas(Runtime.getRuntime().availableProcessors(), replica -> gradients());
    }

    /** @return the scope of a layer whose parameters bear DL4J's names */
    static Scope scope(Function<String, SDVariable> parameters, SDVariable dropoutKey) {
        int prefix = SCOPE.length() + 1;
        return Scope.root(new FusedOps(), name -> parameters.apply(GptLayer.key(name.substring(prefix))), dropoutKey)
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
            List<Share> shares = planned(inference, Share.of(b, arenas), List.of(name), shapes(inputs), false);
            if (shares == null) {
                return false;
            }
            Replicas.run(shares, task);
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
        Map<String, long[]> shapes = shapes(inputs);
        shapes.put(OUTPUT_GRADIENT, y);
        return planned(training, replicas.shares((int) inputs.get(INPUT).size(0)), trained, shapes, true);
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
        all.put(Share.DROPOUT_KEY, DropoutKey.of(dropoutKey, 0));
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

    /** @return the shares with their plans; null if the graph can't be planned */
    private List<Share> planned(
            Plans plans, List<Share> shares, List<String> outputs, Map<String, long[]> shapes, boolean gradients) {
        List<Share> result = new ArrayList<>();
        for (Share share : shares) {
            Map<String, INDArray> targets =
                    gradients ? replicas.gradients(share.replica()).views() : Map.of();
            Share planned = share.planned(plans, outputs, shapes, targets);
            if (planned == null) {
                return null;
            }
            result.add(planned);
        }
        return result;
    }

    /** Where a replica puts its gradients: DL4J makes its own vector only after the first forward pass. */
    private Gradients gradients() {
        long length = parameters.values().stream().mapToLong(INDArray::length).sum();
        INDArray vector = Workspaces.outside(() -> Nd4j.create(type, length));
        Map<String, INDArray> views = new LinkedHashMap<>();
        long at = 0;
        for (Map.Entry<String, INDArray> p : parameters.entrySet()) {
            long end = at + p.getValue().length();
            INDArray part = vector.get(NDArrayIndex.interval(at, end));
            views.put(gradientOf(p.getKey()), part.reshape(p.getValue().shape()));
            at = end;
        }
        return new Gradients(vector, views);
    }

    /**
     * Adds the replicas' gradients.
     *
     * @param sum the layer's part of DL4J's gradient vector
     */
    void addUp(int replicas, INDArray sum) {
        this.replicas.addUp(replicas, sum);
    }
}
