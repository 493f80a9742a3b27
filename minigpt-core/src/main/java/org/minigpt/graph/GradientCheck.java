package org.minigpt.graph;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.minigpt.runtime.Graphs;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Compares a layer's gradients, by its input and by every entry of its parameters, with central differences
 * (f(x + h) - f(x - h))/2h in double precision. f is a random weighted sum of the layer's outputs.
 *
 * <pre>{@code
 * double deviation = GradientCheck.deviation(layer, new FusedOps(), 2, 3, 8); // below 1e-7 for a sound layer
 * }</pre>
 */
public final class GradientCheck {
    private static final String LAYER = "layer";
    private static final String INPUT = "x";
    private static final String LOSS = "loss";
    private static final double H = 1e-5;

    private GradientCheck() {}

    /**
     * Runs the layer twice for each entry, so choose it small. Entries are drawn around 0, parameters around what their
     * initialisers make them.
     *
     * @param layer without dropout
     * @param ops that it is defined with
     * @param inputShape of x, such as B, T, C
     * @return the largest difference of a gradient from that of differences, over the largest entry of the latter; the worst
     *     of the input and all parameters
     */
    public static double deviation(GraphLayer layer, OpSet ops, long... inputShape) {
        Random random = new Random(1337);
        SameDiff sd = Graphs.create();
        SDVariable x = sd.var(INPUT, normal(random, 1, inputShape));
        List<String> names = new ArrayList<>(List.of(INPUT));
        for (Parameter p : layer.parameters()) {
            String name = LAYER + "." + p.name();
            INDArray values = normal(random, 0.3, p.shapeArray());
            for (long i = 0; i < values.length(); i++) {
                values.putScalar(i, values.getDouble(i) + p.initializer().next(random));
            }
            sd.var(name, values);
            names.add(name);
        }
        SDVariable y = layer.define(Scope.root(ops, sd::getVariable, null).in(LAYER), x);
        long[] outputShape = sd.outputSingle(Map.of(), y.name()).shape();
        y.mul(sd.constant("weights", normal(random, 1, outputShape))).sum(LOSS);
        sd.setLossVariables(LOSS);
        Graphs.differentiate(sd);
        Map<String, INDArray> gradients = sd.calculateGradients(Map.of(), names);
        return names.stream()
                .mapToDouble(name -> deviation(differences(sd, name), gradients.get(name)))
                .max()
                .orElseThrow();
    }

    private static INDArray normal(Random random, double deviation, long... shape) {
        double[] values = new double[(int) Arrays.stream(shape).reduce(1, Math::multiplyExact)];
        for (int i = 0; i < values.length; i++) {
            values[i] = deviation * random.nextGaussian();
        }
        return Nd4j.create(values, shape, 'c').castTo(DataType.DOUBLE);
    }

    private static INDArray differences(SameDiff sd, String name) {
        INDArray x = sd.getVariable(name).getArr();
        INDArray result = x.dup();
        for (long i = 0; i < x.length(); i++) {
            double middle = x.getDouble(i);
            x.putScalar(i, middle + H);
            double above = sd.outputSingle(Map.of(), LOSS).getDouble(0);
            x.putScalar(i, middle - H);
            double below = sd.outputSingle(Map.of(), LOSS).getDouble(0);
            x.putScalar(i, middle);
            result.putScalar(i, (above - below) / (2 * H));
        }
        return result;
    }

    private static double deviation(INDArray expected, INDArray actual) {
        double worst = 0;
        double largest = 0;
        for (long i = 0; i < expected.length(); i++) {
            double difference = Math.abs(expected.getDouble(i) - actual.getDouble(i));
            worst = Double.isNaN(difference) ? Double.POSITIVE_INFINITY : Math.max(worst, difference);
            largest = Math.max(largest, Math.abs(expected.getDouble(i)));
        }
        return worst == 0 ? 0 : worst / largest;
    }
}
