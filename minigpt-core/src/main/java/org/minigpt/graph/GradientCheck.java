package org.minigpt.graph;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.minigpt.runtime.Graphs;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.shape.Shape;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Compares a layer's gradients, by its input and by every entry of its parameters, with central differences
 * (f(x + h) - f(x - h))/2h in double precision. f is a random weighted sum of the layer's outputs.
 *
 * <pre>{@code
 * GradientCheck.Deviation worst = GradientCheck.worst(layer, new FusedOps(), 2, 3, 8);
 * assertTrue(worst.relative() < 1e-7, worst::toString); // as it is for a sound layer
 * }</pre>
 */
public final class GradientCheck {
    private static final String LAYER = "layer";
    private static final String INPUT = "x";
    private static final String WEIGHTED = "weighted";
    private static final String LOSS = "loss";
    private static final double H = 1e-5;

    /**
     * Differences tell no gradient smaller than this times Σ|weight·output|: f is rounded to some 1e-16 of that, which
     * 2h makes 5e-12, and the layer's own sums are rounded too. So a gradient that is 0 in theory passes, such as that
     * of a bias of the keys.
     */
    private static final double NOISE = 1e-9;

    private GradientCheck() {}

    /**
     * How far a gradient is from that of differences, at its worst entry.
     *
     * @param name of the parameter within the layer, or {@code x}, the input
     * @param index of the entry
     * @param relative the difference of the two, over the largest entry of the parameter's differences; 0 if rounding
     *     alone may be the reason
     * @param gradient the layer's
     * @param expected by differences
     */
    public record Deviation(String name, List<Long> index, double relative, double gradient, double expected) {

        @Override
        public String toString() {
            return "the gradient by " + name + index + " is " + gradient + ", by differences " + expected
                    + ": it deviates by " + relative + " of the largest";
        }
    }

    /** @return {@link Deviation#relative} of {@link #worst} */
    public static double deviation(GraphLayer layer, OpSet ops, long... inputShape) {
        return worst(layer, ops, inputShape).relative();
    }

    /**
     * Runs the layer twice for each entry, so choose it small. Entries are drawn around 0, parameters around what their
     * initialisers make them.
     *
     * @param layer without dropout
     * @param ops that it is defined with
     * @param inputShape of x, such as B, T, C
     * @return the largest deviation of the input and all parameters
     */
    public static Deviation worst(GraphLayer layer, OpSet ops, long... inputShape) {
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
        SDVariable weighted = y.mul(WEIGHTED, sd.constant("weights", normal(random, 1, outputShape)));
        weighted.sum(LOSS);
        sd.setLossVariables(LOSS);
        Graphs.differentiate(sd);
        names.forEach(name -> Graphs.gradientOf(sd, name));
        Map<String, INDArray> gradients = sd.calculateGradients(Map.of(), names);
        double noise = NOISE * sd.outputSingle(Map.of(), WEIGHTED).norm1Number().doubleValue();
        return names.stream()
                .map(name -> deviation(
                        name, differences(sd, name), gradients.get(name).dup('c'), noise))
                .max(Comparator.comparingDouble(Deviation::relative))
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

    private static Deviation deviation(String variable, INDArray expected, INDArray actual, double noise) {
        long worst = 0;
        double most = -1;
        double largest = 0;
        for (long i = 0; i < expected.length(); i++) {
            double difference = Math.abs(expected.getDouble(i) - actual.getDouble(i));
            difference = Double.isNaN(difference) ? Double.POSITIVE_INFINITY : difference;
            if (difference > most) {
                most = difference;
                worst = i;
            }
            largest = Math.max(largest, Math.abs(expected.getDouble(i)));
        }
        return new Deviation(
                variable.equals(INPUT) ? INPUT : variable.substring(LAYER.length() + 1),
                Arrays.stream(Shape.ind2subC(expected.shape(), worst)).boxed().toList(),
                most <= noise ? 0 : most / largest,
                actual.getDouble(worst),
                expected.getDouble(worst));
    }
}
