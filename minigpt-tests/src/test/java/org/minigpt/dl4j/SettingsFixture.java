package org.minigpt.dl4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.constraint.NonNegativeConstraint;
import org.deeplearning4j.nn.conf.distribution.ConstantDistribution;
import org.deeplearning4j.nn.conf.distribution.Distribution;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.DynamicTest;
import org.minigpt.MiniGptException;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;

/** A small network of which one setting is changed, and what is expected of it then. */
final class SettingsFixture {
    static final int V = 7;
    static final int T = 4;
    static final int C = 8;
    static final double RATE = 0.1;

    /** An embedding, a block and a head, all matrices 0.05 at first and all gradients different from 0. */
    record Settings(
            NeuralNetConfiguration.Builder network,
            TokenAndPositionEmbeddingLayer.Builder embedding,
            TransformerBlockLayer.Builder block,
            LanguageModelOutputLayer.Builder head) {

        static Settings plain() {
            return new Settings(
                    new NeuralNetConfiguration.Builder().seed(3).updater(new Sgd(RATE)),
                    new TokenAndPositionEmbeddingLayer.Builder().nIn(V).nOut(C),
                    new TransformerBlockLayer.Builder().nHeads(2),
                    new LanguageModelOutputLayer.Builder().nOut(V));
        }

        MultiLayerNetwork build() {
            MultiLayerNetwork built = new MultiLayerNetwork(network.list()
                    .layer(embedding.build())
                    .layer(block.build())
                    .layer(head.build())
                    .setInputType(InputType.recurrent(1, T))
                    .build());
            built.init();
            return built;
        }
    }

    /** A setting in one place, and what is expected of the network that has it. */
    record Row(String name, Consumer<Settings> set, Consumer<Settings> expect) {}

    static Row row(String name, Consumer<Settings> set, Consumer<MultiLayerNetwork> expect) {
        return new Row(name, set, settings -> expect.accept(settings.build()));
    }

    /** Of a setting of the network, or of the block. */
    static Row refused(String name, Consumer<Settings> set, String sentence) {
        return new Row(
                name,
                set,
                settings -> assertEquals(
                        sentence,
                        assertThrows(MiniGptException.class, settings::build).getMessage()));
    }

    static Settings with(Consumer<Settings> set) {
        Settings settings = Settings.plain();
        set.accept(settings);
        return settings;
    }

    static MultiLayerNetwork plain() {
        return Settings.plain().build();
    }

    static DataSet batch() {
        INDArray x = Nd4j.createFromArray(new int[][] {{1, 2, 3, 4}, {0, 6, 5, 2}});
        return new DataSet(x, Nd4j.createFromArray(new int[][] {{2, 3, 4, 5}, {6, 5, 2, 0}}));
    }

    /** @return each parameter after one step less what it was before */
    static Map<String, INDArray> moved(MultiLayerNetwork network) {
        Map<String, INDArray> before = copy(network);
        network.fit(batch());
        return copy(network).entrySet().stream()
                .collect(Collectors.toMap(Map.Entry::getKey, p -> p.getValue().sub(before.get(p.getKey()))));
    }

    static Map<String, INDArray> copy(Model network) {
        return network.paramTable().entrySet().stream()
                .collect(Collectors.toMap(Map.Entry::getKey, p -> p.getValue().dup()));
    }

    static double norm(INDArray array) {
        return array.norm2Number().doubleValue();
    }

    static boolean isWeight(String name) {
        return name.endsWith(".weight") && !name.contains("ln") || name.endsWith("_weight");
    }

    static void assertSame(INDArray expected, INDArray actual, String name) {
        double deviation = expected.sub(actual).amaxNumber().doubleValue();
        assertTrue(deviation < 2e-7, name + " deviates by " + deviation);
    }

    /** The step is that of the plain network plus what {@code extra} says of a parameter. */
    static Consumer<MultiLayerNetwork> steps(java.util.function.BiFunction<String, INDArray, INDArray> extra) {
        return network -> {
            MultiLayerNetwork plain = plain();
            plain.setParams(network.params());
            Map<String, INDArray> before = copy(network);
            Map<String, INDArray> expected = moved(plain);
            moved(network)
                    .forEach((name, step) ->
                            assertSame(expected.get(name).add(extra.apply(name, before.get(name))), step, name));
        };
    }

    static INDArray decay(boolean applies, double factor, INDArray p) {
        return applies ? p.mul(-RATE * factor) : p.mul(0);
    }

    static INDArray sign(boolean applies, double factor, INDArray p) {
        return applies ? Nd4j.math().sign(p).mul(-RATE * factor) : p.mul(0);
    }

    /** Constrains to what is not negative, on parameters that would be. */
    static Row constrained(String name, Consumer<Settings> set, java.util.function.Predicate<String> which) {
        return row(name, set, network -> {
            network.params().muli(0).addi(-0.01);
            network.fit(batch());
            network.paramTable()
                    .forEach((p, value) -> assertEquals(
                            which.test(p),
                            value.minNumber().doubleValue() >= 0,
                            name + ": " + p + " " + value.minNumber()));
        });
    }

    static Row initialised(String name, Consumer<Settings> set, java.util.function.Predicate<String> which) {
        return row(
                name,
                set,
                network -> network.paramTable()
                        .forEach((p, value) -> assertEquals(
                                which.test(p),
                                value.minNumber().doubleValue() == 0.25
                                        && value.maxNumber().doubleValue() == 0.25,
                                name + ": " + p)));
    }

    static double layerNorm(Map<String, INDArray> moved, String layer) {
        return Math.sqrt(moved.entrySet().stream()
                .filter(p -> p.getKey().startsWith(layer))
                .mapToDouble(p -> Math.pow(norm(p.getValue()), 2))
                .sum());
    }

    static final Distribution QUARTERS = new ConstantDistribution(0.25);
    static final NonNegativeConstraint POSITIVE = new NonNegativeConstraint();

    static String noise(String layer) {
        return layer
                + " can't have weightNoise, but got DropConnect(weightRetainProb=0.5, weightRetainProbSchedule=null,"
                + " applyToBiases=false); leave it out, or set dropoutRate or dropOut";
    }

    static void assertDropsInTraining(MultiLayerNetwork network) {
        INDArray x = batch().getFeatures();
        assertEquals(network.output(x, false), network.output(x, false));
        assertNotEquals(network.output(x, false), network.output(x, true));
    }

    /** Makes the setting of each row, and looks for its effect. */
    static Stream<DynamicTest> tests(Stream<Row> rows) {
        return rows.map(r -> dynamicTest(r.name, () -> r.expect.accept(with(r.set))));
    }

    /** Rows name all methods by which a builder of DL4J's is set, but for some. */
    static void assertComplete(Class<?> builder, Set<String> without, Stream<Row> rows) {
        assertEquals(settings(builder, without), names(rows));
    }

    private static Set<String> names(Stream<Row> rows) {
        Set<String> known = settings(NeuralNetConfiguration.Builder.class, Set.of());
        known.addAll(settings(GptLayer.Builder.class, Set.of()));
        return rows.flatMap(r -> Arrays.stream(r.name.split("[ ,]+")))
                .filter(known::contains)
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private static Set<String> settings(Class<?> builder, Set<String> without) {
        return Arrays.stream(builder.getMethods())
                .filter(m -> m.getReturnType().isAssignableFrom(builder) && m.getReturnType() != Object.class)
                .map(Method::getName)
                .filter(name -> !without.contains(name))
                .collect(Collectors.toCollection(TreeSet::new));
    }
}
