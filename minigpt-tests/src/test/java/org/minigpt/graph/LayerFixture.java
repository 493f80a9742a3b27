package org.minigpt.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.minigpt.runtime.Graphs;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** A layer in a graph of its own, with parameters as a test sets them. */
final class LayerFixture {
    private static final String SCOPE = "layer";

    /** What a layer is built of and computes in. */
    record Setting(OpSet ops, DataType type) {
        @Override
        public String toString() {
            return ops.getClass().getSimpleName() + " " + type;
        }
    }

    /** A test that takes a {@link Setting} and is run for both op sets, in FLOAT and in DOUBLE. */
    @Target(ElementType.METHOD)
    @Retention(RetentionPolicy.RUNTIME)
    @ParameterizedTest
    @MethodSource("org.minigpt.graph.LayerFixture#settings")
    @interface FusedAndPortable {}

    static Stream<Setting> settings() {
        return Stream.of(new FusedOps(), new PortableOps())
                .flatMap(ops -> Stream.of(DataType.FLOAT, DataType.DOUBLE).map(type -> new Setting(ops, type)));
    }

    private final Setting setting;
    private final Map<String, INDArray> parameters = new LinkedHashMap<>();

    LayerFixture(Setting setting) {
        this.setting = setting;
    }

    /** Sets a parameter's values, row by row. */
    LayerFixture with(String name, double[]... rows) {
        parameters.put(name, Nd4j.createFromArray(rows).castTo(setting.type));
        return this;
    }

    /** Sets the values of a parameter with one axis. */
    LayerFixture with(String name, double... values) {
        parameters.put(name, Nd4j.createFromArray(values).castTo(setting.type));
        return this;
    }

    /** Sets a parameter. */
    LayerFixture with(String name, INDArray values) {
        parameters.put(name, values.castTo(setting.type));
        return this;
    }

    /** @return the layer's output for one sequence: rows are its positions */
    INDArray output(GraphLayer layer, double[]... rows) {
        return output(layer, Nd4j.createFromArray(new double[][][] {rows}).castTo(setting.type));
    }

    /**
     * @param x the layer's input
     * @return its output
     */
    INDArray output(GraphLayer layer, INDArray x) {
        List<String> declared = layer.parameters().stream().map(Parameter::name).toList();
        assertEquals(List.copyOf(parameters.keySet()), declared, "the parameters that the layer declares");
        SameDiff sd = Graphs.create();
        for (Parameter p : layer.parameters()) {
            INDArray values = parameters.get(p.name());
            assertEquals(p.shape(), Arrays.stream(values.shape()).boxed().toList(), p.name());
            sd.var(SCOPE + "." + p.name(), values);
        }
        Scope scope = Scope.root(setting.ops, sd::getVariable, null).in(SCOPE);
        String name = layer.define(scope, sd.placeHolder("x", x.dataType(), shapeOf(x)))
                .name();
        assertTrue(name.startsWith(SCOPE), name);
        INDArray y = sd.outputSingle(Map.of("x", x), name);
        assertEquals(setting.type, y.dataType());
        return y;
    }

    /** As many axes as x has, of any size. */
    private static long[] shapeOf(INDArray x) {
        long[] shape = x.shape().clone();
        shape[0] = -1;
        shape[1] = -1;
        return shape;
    }

    static double[] row(double... values) {
        return values;
    }
}
