package org.minigpt.benchmarks;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Supplier;
import org.minigpt.graph.OpSet;
import org.minigpt.internal.runtime.Plan;
import org.minigpt.internal.runtime.PlanArena;
import org.minigpt.runtime.Graphs;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * A graph of one operation, with random inputs, and how to run it: planned if it can be, else by SameDiff's session.
 */
final class OpGraph {
    private static final String OUTPUT = "y";

    /**
     * Where SameDiff's gradient functions start: dL/dL = 1, which takes the shape of any output that is given to it.
     */
    private static final String FIRST_GRADIENT = "one-var";

    private final Random random = new Random(1337);
    private final OpSet ops;
    private final SameDiff sd = Graphs.create();
    private final List<String> variables = new ArrayList<>();
    private final Map<String, INDArray> placeholders = new HashMap<>();

    OpGraph(OpSet ops) {
        this.ops = ops;
    }

    /** @return the ops to define the output with */
    OpSet ops() {
        return ops;
    }

    /** @return the name that the output must bear */
    String output() {
        return OUTPUT;
    }

    /** @return a variable of standard normal entries, whose gradient is computed backward */
    SDVariable normal(String name, long... shape) {
        variables.add(name);
        return sd.var(name, normal(shape));
    }

    /** @return a placeholder [B,T] of ids below {@code bound} */
    SDVariable ids(String name, Size size, int bound) {
        int[] ids = random.ints((long) size.b * size.t, 0, bound).toArray();
        placeholders.put(name, Nd4j.createFromArray(ids).reshape(size.b, size.t));
        return sd.placeHolder(name, DataType.INT32, -1, -1);
    }

    private INDArray normal(long... shape) {
        INDArray array = Nd4j.createUninitialized(DataType.FLOAT, shape, 'c');
        for (long i = 0; i < array.length(); i++) {
            array.putScalar(i, random.nextGaussian());
        }
        return array;
    }

    /** @return computes the output */
    Supplier<Object> forward() {
        Plan plan = Plan.of(sd, List.of(OUTPUT), shapes(), Map.of(), new PlanArena());
        return plan == null ? () -> sd.output(placeholders, OUTPUT) : run(plan);
    }

    /** @return computes the output, and the gradients of all variables from a random gradient of the output */
    Supplier<Object> forwardAndBackward() {
        long[] shape = sd.output(placeholders, OUTPUT).get(OUTPUT).shape();
        sd.setLossVariables(OUTPUT);
        SameDiff gradient = Graphs.differentiate(sd);
        gradient.setArrayForVariable(FIRST_GRADIENT, normal(shape));
        List<String> wanted = new ArrayList<>(List.of(OUTPUT));
        variables.forEach(name -> wanted.add(sd.getVariable(name).getGradient().name()));
        Plan plan = Plan.of(gradient, wanted, shapes(), Map.of(), new PlanArena());
        return plan == null
                ? () -> sd.calculateGradientsAndOutputs(placeholders, List.of(OUTPUT), variables)
                : run(plan);
    }

    private Map<String, long[]> shapes() {
        Map<String, long[]> shapes = new HashMap<>();
        placeholders.forEach((name, array) -> shapes.put(name, array.shape()));
        return shapes;
    }

    /** Its placeholders stay as the first run sets them. */
    private Supplier<Object> run(Plan plan) {
        plan.run(placeholders);
        return () -> {
            plan.run();
            return plan;
        };
    }
}
