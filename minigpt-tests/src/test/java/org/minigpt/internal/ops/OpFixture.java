package org.minigpt.internal.ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Deviation.assertNear;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.minigpt.ops.JavaOp;
import org.minigpt.runtime.Graphs;
import org.minigpt.runtime.MiniGptRuntime;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.INDArrayIndex;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** What the tests of all ops have in common: an op in a SameDiff graph of its own, and what is true of any op. */
final class OpFixture {
    /** Float kernels against double references, relative to the largest entry. */
    static final double IN_FLOAT = 1e-5;

    private static final String OUTPUT = "output";
    private static final String LOSS = "loss";

    /** Adds the op under test to a graph. */
    @FunctionalInterface
    interface Definition {
        JavaOp on(SameDiff sd, SDVariable... in);
    }

    private final SameDiff sd;
    private final JavaOp op;
    private final List<SDVariable> in = new ArrayList<>();

    /** @param inputs become variables if they hold floating-point values, else constants */
    private OpFixture(Definition definition, INDArray... inputs) {
        MiniGptRuntime.install();
        sd = Graphs.create();
        for (INDArray input : inputs) {
            String name = "in" + in.size();
            in.add(input.dataType().isFPType() ? sd.var(name, input.dup('c')) : sd.constant(name, input.dup('c')));
        }
        op = definition.on(sd, in.toArray(SDVariable[]::new));
        op.outputVariables(OUTPUT);
    }

    /** @return the op's output, from {@code sd.output} */
    static INDArray output(Definition definition, INDArray... inputs) {
        return new OpFixture(definition, inputs).sd.outputSingle(Map.of(), OUTPUT);
    }

    /**
     * @param weights of the shape of the output
     * @return the gradients of Σ weights·output by the floating-point inputs, from {@code sd.calculateGradients}
     */
    static List<INDArray> gradients(Definition definition, INDArray weights, INDArray... inputs) {
        OpFixture fixture = new OpFixture(definition, inputs);
        fixture.weigh(weights);
        return new ArrayList<>(fixture.gradients().values());
    }

    private void weigh(INDArray weights) {
        SDVariable weight = sd.constant("weights", weights);
        sd.getVariable(OUTPUT).mul(weight).sum(LOSS);
        sd.setLossVariables(LOSS);
        Graphs.differentiate(sd); // SameDiff would do it too, but prints
    }

    /** @return the gradients by name, in the order of the inputs */
    private Map<String, INDArray> gradients() {
        List<String> names = in.stream()
                .filter(v -> v.dataType().isFPType())
                .map(SDVariable::name)
                .toList();
        Map<String, INDArray> unordered = sd.calculateGradients(Map.of(), names);
        Map<String, INDArray> result = new LinkedHashMap<>();
        names.forEach(name -> result.put(name, unordered.get(name)));
        return result;
    }

    /**
     * Compares every entry of every gradient with central differences, for a random weighted sum of the outputs.
     *
     * @param inputs those with floating-point values are DOUBLE
     */
    static void assertGradients(Definition definition, INDArray... inputs) {
        INDArray output = output(definition, inputs);
        OpFixture fixture = new OpFixture(definition, inputs);
        fixture.weigh(normal(99, output.shape()));
        fixture.gradients()
                .forEach((name, gradient) ->
                        assertNear("gradient by " + name, fixture.differences(name), gradient, 1e-8));
    }

    private INDArray differences(String name) {
        double h = 1e-5;
        INDArray x = sd.getVariable(name).getArr();
        assertEquals(DataType.DOUBLE, x.dataType());
        INDArray result = x.dup();
        for (long i = 0; i < x.length(); i++) {
            double middle = x.getDouble(i);
            x.putScalar(i, middle + h);
            double above = sd.outputSingle(Map.of(), LOSS).getDouble(0);
            x.putScalar(i, middle - h);
            double below = sd.outputSingle(Map.of(), LOSS).getDouble(0);
            x.putScalar(i, middle);
            result.putScalar(i, (above - below) / (2 * h));
        }
        return result;
    }

    /** Compares the float kernel with the double reference: the output and every gradient. */
    static void assertFloatAsDouble(Definition definition, INDArray... inputs) {
        INDArray[] floats = new INDArray[inputs.length];
        INDArray[] doubles = new INDArray[inputs.length];
        for (int i = 0; i < inputs.length; i++) {
            boolean real = inputs[i].dataType().isFPType();
            floats[i] = real ? inputs[i].castTo(DataType.FLOAT) : inputs[i];
            doubles[i] = real ? floats[i].castTo(DataType.DOUBLE) : inputs[i];
        }
        INDArray expected = output(definition, doubles);
        INDArray actual = output(definition, floats);
        assertEquals(DataType.FLOAT, actual.dataType());
        assertNear("output", expected, actual, IN_FLOAT);

        INDArray weights = normal(99, expected.shape()).castTo(DataType.FLOAT);
        List<INDArray> expectedGradients = gradients(definition, weights.castTo(DataType.DOUBLE), doubles);
        List<INDArray> actualGradients = gradients(definition, weights, floats);
        for (int i = 0; i < expectedGradients.size(); i++) {
            assertNear("gradient " + i, expectedGradients.get(i), actualGradients.get(i), IN_FLOAT);
        }
    }

    /** Runs the op by itself on arrays in f order and on views, and into such: the output must be the same. */
    static void assertAnyLayout(Definition definition, INDArray... inputs) {
        OpFixture fixture = new OpFixture(definition, inputs);
        INDArray expected = output(definition, inputs);
        for (boolean view : new boolean[] {false, true}) {
            INDArray[] odd = new INDArray[inputs.length];
            for (int i = 0; i < odd.length; i++) {
                odd[i] = view ? viewOf(inputs[i]) : inputs[i].dup('f');
                assertEquals(inputs[i], odd[i]);
            }
            INDArray y = Nd4j.createUninitialized(expected.dataType(), expected.shape(), 'f');
            INDArray target = view ? viewOf(y) : y;
            fixture.op.execute(List.of(odd), List.of(target));
            assertEquals(expected, target, view ? "views" : "f order");
        }
    }

    /** @return the same entries as a view that begins and ends inside a larger array, or has gaps between rows */
    private static INDArray viewOf(INDArray array) {
        if (array.rank() == 0) {
            INDArray larger = Nd4j.zeros(array.dataType(), 3);
            larger.putScalar(1, array.getDouble(0));
            return larger.getScalar(1);
        }
        long[] shape = array.shape().clone();
        shape[shape.length - 1] += 2;
        INDArray larger = Nd4j.zeros(array.dataType(), shape);
        INDArrayIndex[] all = new INDArrayIndex[shape.length];
        Arrays.fill(all, NDArrayIndex.all());
        all[shape.length - 1] = NDArrayIndex.interval(1, shape[shape.length - 1] - 1);
        INDArray view = larger.get(all);
        view.assign(array);
        assertArrayEquals(array.shape(), view.shape());
        assertTrue(view.isView());
        return view;
    }

    /** @return standard normal entries, DOUBLE */
    static INDArray normal(long seed, long... shape) {
        Random random = new Random(seed);
        double[] entries = new double[length(shape)];
        for (int i = 0; i < entries.length; i++) {
            entries[i] = random.nextGaussian();
        }
        return array(DataType.DOUBLE, shape, entries);
    }

    /** @return uniform ids below {@code bound}, INT */
    static INDArray ids(long seed, int bound, long... shape) {
        int[] ids = new Random(seed).ints(length(shape), 0, bound).toArray();
        return Nd4j.createFromArray(ids).reshape(shape);
    }

    private static int length(long... shape) {
        return (int) Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    }

    /** @return the sizes of the axes, for {@link #array} */
    static long[] shape(long... sizes) {
        return sizes;
    }

    /** @return an array of the given entries, of FLOAT or DOUBLE */
    static INDArray array(DataType type, long[] shape, double... entries) {
        INDArray array = shape.length == 0 ? Nd4j.scalar(entries[0]) : Nd4j.create(entries, shape, 'c');
        return array.castTo(type);
    }
}
