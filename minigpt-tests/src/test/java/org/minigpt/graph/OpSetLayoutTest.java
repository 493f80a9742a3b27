package org.minigpt.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.minigpt.graph.LayerFixture.FusedAndPortable;
import org.minigpt.graph.LayerFixture.Setting;
import org.minigpt.graph.OpSet.Dropout;
import org.minigpt.internal.simd.Gelu;
import org.minigpt.runtime.Graphs;
import org.minigpt.testing.Layouts;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** What a graph of somebody's own hands to an operation may lie in column order, or be a view of a larger array. */
class OpSetLayoutTest {
    private static final int C = 12;

    private interface Operation {
        SDVariable of(OpSet ops, SDVariable x);
    }

    private static Map<String, Operation> operations(DataType type) {
        Map<String, Operation> result = new LinkedHashMap<>();
        INDArray w = normal(2, C, 5).castTo(type);
        result.put(
                "linear",
                (ops, x) -> ops.linear(
                        "y", x, var(x, "w", w), var(x, "b", w.getRow(0).dup()), false));
        result.put(
                "linear of a weight in column order",
                (ops, x) -> ops.linear("y", x, var(x, "w", w.dup('f')), null, false));
        result.put(
                "linear [out,in]",
                (ops, x) -> ops.linear("y", x, var(x, "w", w.transpose().dup('c')), null, true));
        INDArray gain = normal(3, C).castTo(type);
        result.put("layerNorm", (ops, x) -> ops.layerNorm("y", x, var(x, "g", gain), var(x, "h", gain.dup()), 1e-5));
        result.put("rmsNorm", (ops, x) -> ops.rmsNorm("y", x, var(x, "g", gain), 1e-5));
        INDArray headGain = normal(4, 2).castTo(type);
        result.put("rmsNormHeads", (ops, x) -> ops.rmsNormHeads("y", x, var(x, "g", headGain), 1e-5, 1, 3, 6));
        result.put("causalAttention", (ops, x) -> ops.causalAttention("y", x, 2, 2, true, Dropout.NONE));
        result.put("causalAttention of one head", (ops, x) -> ops.causalAttention("y", x, 1, Dropout.NONE));
        result.put("rotary", (ops, x) -> ops.rotary("y", x, 2, 2, new double[] {0.3}));
        result.put("relu", (ops, x) -> ops.relu("y", x));
        result.put("gelu", (ops, x) -> ops.gelu("y", x, Gelu.ERF));
        result.put("gelu by tanh", (ops, x) -> ops.gelu("y", x, Gelu.TANH));
        result.put("relu2", (ops, x) -> ops.relu2("y", x));
        result.put("silu", (ops, x) -> ops.silu("y", x));
        result.put("swiGlu", (ops, x) -> ops.swiGlu("y", x));
        result.put("add", (ops, x) -> ops.add("y", x, x));
        INDArray targets = Nd4j.createFromArray(new int[][] {{1, 2, 3}, {4, -1, 6}});
        Layouts.of(targets)
                .forEach((layout, array) -> result.put(
                        "crossEntropy of targets in " + layout,
                        (ops, x) -> ops.crossEntropy("y", x, x.getSameDiff().constant("t", array), -1)));
        return result;
    }

    private static SDVariable var(SDVariable x, String name, INDArray values) {
        return x.getSameDiff().var(name, values);
    }

    private static INDArray normal(long seed, long... shape) {
        INDArray array = Nd4j.zeros(DataType.DOUBLE, shape);
        Random random = new Random(seed);
        for (long i = 0; i < array.length(); i++) {
            array.putScalar(i, random.nextGaussian());
        }
        return array;
    }

    @FusedAndPortable
    void operationsReadAndDifferentiateThemAll(Setting setting) {
        INDArray values = normal(1, 2, 3, C).castTo(setting.type());
        operations(setting.type()).forEach((name, operation) -> {
            Map<String, List<INDArray>> results = new LinkedHashMap<>();
            Layouts.of(values).forEach((layout, x) -> results.put(layout, run(setting, operation, x)));
            List<INDArray> expected = results.get("row order");
            results.forEach((layout, actual) -> assertEquals(expected, actual, name + " of " + layout));
        });
    }

    /** @return y and the gradient of a weighted sum of it by x */
    private static List<INDArray> run(Setting setting, Operation operation, INDArray x) {
        SameDiff sd = Graphs.create();
        SDVariable in = sd.placeHolder("x", setting.type(), -1, -1, C);
        SDVariable y = operation.of(setting.ops(), in);
        INDArray value = sd.outputSingle(Map.of("x", x), "y");
        INDArray weights = normal(9, value.length()).reshape(value.shape()).castTo(setting.type());
        y.mul(sd.constant("weights", weights)).sum("loss");
        sd.setLossVariables("loss");
        Graphs.differentiate(sd, "x");
        return List.of(value, sd.calculateGradients(Map.of("x", x), "x").get("x"));
    }
}
