package org.minigpt.dl4j;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Predicate;
import org.deeplearning4j.nn.api.ParamInitializer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.weights.IWeightInit;
import org.deeplearning4j.nn.weights.WeightInitXavier;
import org.minigpt.MiniGptException;
import org.minigpt.graph.Linear;
import org.minigpt.graph.Parameter;
import org.minigpt.graph.Parameter.Initializer;
import org.minigpt.internal.kernels.NativeMemory;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * The parameters of the layers as DL4J's networks see them: matrices are weights, gains and biases are biases to it, so
 * that weight decay leaves the latter alone; each is a row-major part of the network's vector.
 */
final class LayerParameters implements ParamInitializer {
    /** The name of all weights together, which lie side by side. */
    static final String WEIGHTS = "(weights)";

    /** The name of all biases together, which lie behind the weights. */
    static final String BIASES = "(biases)";

    /** @return a linear layer whose weights DL4J draws */
    static Linear linear(long in, long out, boolean bias) {
        return new Linear(in, out, Initializer.zeros(), bias ? Initializer.zeros() : null);
    }

    @Override
    public long numParams(NeuralNetConfiguration conf) {
        return numParams(conf.getLayer());
    }

    @Override
    public long numParams(Layer layer) {
        return of(layer).values().stream().mapToLong(Parameter::length).sum();
    }

    /** M2.1 asks for them when a network has {@code constrainAllParameters}, and then forgets these constraints. */
    @Override
    public List<String> paramKeys(Layer layer) {
        LayerConstraints.requireKept((GptLayer) layer);
        return keys(layer, p -> true);
    }

    @Override
    public List<String> weightKeys(Layer layer) {
        return ((GptLayer) layer).hasParameters() ? keys(layer, LayerParameters::isWeight) : List.of(WEIGHTS);
    }

    @Override
    public List<String> biasKeys(Layer layer) {
        return ((GptLayer) layer).hasParameters() ? keys(layer, p -> !isWeight(p)) : List.of(BIASES);
    }

    @Override
    public boolean isWeightParam(Layer layer, String key) {
        return key.equals(WEIGHTS)
                || of(layer).containsKey(key) && isWeight(of(layer).get(key));
    }

    @Override
    public boolean isBiasParam(Layer layer, String key) {
        return key.equals(BIASES)
                || of(layer).containsKey(key) && !isWeight(of(layer).get(key));
    }

    /** Draws the weights as DL4J draws them; gains become {@code gainInit} and biases {@code biasInit}. */
    @Override
    public Map<String, INDArray> init(NeuralNetConfiguration conf, INDArray paramsView, boolean initializeParams) {
        GptLayer layer = (GptLayer) conf.getLayer();
        Map<String, INDArray> views = getGradientsFromFlattened(conf, paramsView);
        IWeightInit weightInit = layer.getWeightInitFn() == null ? new WeightInitXavier() : layer.getWeightInitFn();
        of(layer).forEach((name, p) -> {
            conf.addVariable(name);
            if (initializeParams) {
                INDArray view = views.get(name);
                if (isWeight(p)) {
                    long in = p.shape().get(layer.isOutIn() ? 1 : 0);
                    long out = p.shape().get(layer.isOutIn() ? 0 : 1);
                    weightInit.init(in, out, p.shapeArray(), 'c', view);
                } else {
                    view.assign(first(layer, p));
                }
            }
        });
        return views;
    }

    private static double first(GptLayer layer, Parameter p) {
        double value = p.initializer().next(new Random(0));
        return value == 0 ? layer.getBiasInit() : value == 1 ? layer.getGainInit() : value;
    }

    @Override
    public Map<String, INDArray> getGradientsFromFlattened(NeuralNetConfiguration conf, INDArray gradientView) {
        Map<String, INDArray> views = new LinkedHashMap<>();
        long at = 0;
        for (Map.Entry<String, Parameter> entry : of(conf.getLayer()).entrySet()) {
            Parameter p = entry.getValue();
            long end = at + p.length();
            INDArray part = gradientView.reshape(gradientView.length()).get(NDArrayIndex.interval(at, end));
            views.put(entry.getKey(), part.reshape('c', p.shapeArray()));
            at = end;
        }
        return views;
    }

    /** @return the layer's vector as {@link #WEIGHTS} and {@link #BIASES}, where it has any */
    static Map<String, INDArray> kinds(GptLayer layer, INDArray vector) {
        Map<String, INDArray> kinds = new LinkedHashMap<>();
        long at = 0;
        for (String kind : List.of(WEIGHTS, BIASES)) {
            long end = at + lengths(layer, kind).stream().mapToLong(n -> n).sum();
            if (end > at) {
                kinds.put(kind, vector.reshape(vector.length()).get(NDArrayIndex.interval(at, end)));
            }
            at = end;
        }
        return kinds;
    }

    /** @return the lengths of what a name of a kind stands for, one after the other; none for a single parameter */
    static List<Long> lengths(Layer layer, String name) {
        if (!name.equals(WEIGHTS) && !name.equals(BIASES)) {
            return List.of();
        }
        return of(layer).values().stream()
                .filter(p -> isWeight(p) == name.equals(WEIGHTS))
                .map(Parameter::length)
                .toList();
    }

    /** Sets one parameter, whose name and shape DL4J's own layers do not check. */
    static void set(Map<String, INDArray> table, String name, INDArray value) {
        INDArray own = table.get(name);
        if (own == null) {
            throw new MiniGptException(
                    "the layer has no parameter " + name + "; its parameters are " + String.join(", ", table.keySet()));
        }
        if (!Arrays.equals(own.shape(), value.shape())) {
            throw new MiniGptException("the parameter " + name + " has the shape " + Arrays.toString(own.shape())
                    + ", but was given " + Arrays.toString(value.shape()) + "; pass an array of its own shape");
        }
        NativeMemory.copy(value, own);
    }

    private static Map<String, Parameter> of(Layer layer) {
        return ((GptLayer) layer).parameters();
    }

    private static List<String> keys(Layer layer, Predicate<Parameter> wanted) {
        return of(layer).entrySet().stream()
                .filter(p -> wanted.test(p.getValue()))
                .map(Map.Entry::getKey)
                .toList();
    }

    static boolean isWeight(Parameter p) {
        return p.shape().size() > 1;
    }
}
