package org.minigpt.dl4j;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.deeplearning4j.nn.conf.layers.samediff.SDLayerParams;
import org.deeplearning4j.nn.weights.IWeightInit;
import org.minigpt.graph.GraphLayer;
import org.minigpt.graph.Initializer;
import org.minigpt.graph.Linear;
import org.minigpt.graph.Parameter;
import org.minigpt.util.MiniGptException;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.regularization.Regularization;

/** What this library's hidden layers and output layers have in common as to their parameters. */
final class LayerParameters {
    private LayerParameters() {}

    /** @return a linear layer whose weights DL4J draws */
    static Linear linear(long in, long out, boolean bias) {
        return new Linear(in, out, Initializer.zeros(), bias ? Initializer.zeros() : null);
    }

    /** Declares matrices as DL4J's weights, gains and biases as its biases: so weight decay leaves the latter alone. */
    static void define(GraphLayer fragment, SDLayerParams params) {
        params.clear();
        for (Parameter p : fragment.parameters()) {
            if (p.shape().size() > 1) {
                params.addWeightParam(ParameterKeys.of(p.name()), p.shapeArray());
            } else {
                params.addBiasParam(ParameterKeys.of(p.name()), p.shapeArray());
            }
        }
    }

    /** Draws the weights as DL4J draws them; gains become 1 and biases 0. */
    static void initialise(GraphLayer fragment, IWeightInit weightInit, Map<String, INDArray> arrays) {
        Random unused = new Random(0);
        for (Parameter p : fragment.parameters()) {
            INDArray array = arrays.get(ParameterKeys.of(p.name()));
            if (p.shape().size() == 1) {
                array.assign(p.initializer().next(unused));
            } else {
                weightInit.init(p.shape().get(0), p.shape().get(1), p.shapeArray(), 'c', array);
            }
        }
    }

    /** Sets one parameter, which DL4J's own SameDiff layers check and leave as it was. */
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
        own.assign(value);
    }

    /** DL4J's penalty for the score, which its own SameDiff layers leave out. */
    static double regularizationScore(
            org.deeplearning4j.nn.conf.layers.Layer conf, Map<String, INDArray> table, int iteration, int epoch) {
        double sum = 0;
        for (Map.Entry<String, INDArray> p : table.entrySet()) {
            List<Regularization> regularization = conf.getRegularizationByParam(p.getKey());
            if (regularization != null) {
                for (Regularization r : regularization) {
                    sum += r.score(p.getValue(), iteration, epoch);
                }
            }
        }
        return sum;
    }
}
