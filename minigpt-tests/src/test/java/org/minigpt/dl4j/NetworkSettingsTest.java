package org.minigpt.dl4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.OptimizationAlgorithm;
import org.deeplearning4j.nn.conf.CacheMode;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.WorkspaceMode;
import org.deeplearning4j.nn.conf.constraint.NonNegativeConstraint;
import org.deeplearning4j.nn.conf.distribution.ConstantDistribution;
import org.deeplearning4j.nn.conf.distribution.Distribution;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayerWithBackprop;
import org.deeplearning4j.nn.conf.weightnoise.DropConnect;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.weights.WeightInit;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.minigpt.MiniGptException;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.learning.regularization.L2Regularization;
import org.nd4j.linalg.learning.regularization.WeightDecay;

/**
 * Every setting of DL4J's that can reach a layer, on the network and on the layer: it has its effect, by a value, or is
 * refused in a sentence that names it.
 */
@SuppressWarnings("deprecation") // of some of the settings
class NetworkSettingsTest {
    private static final int V = 7;
    private static final int T = 4;
    private static final int C = 8;
    private static final double RATE = 0.1;

    /** An embedding, a block and a head, all matrices 0.05 at first and all gradients different from 0. */
    private record Settings(
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
    private record Row(String name, Consumer<Settings> set, Consumer<Settings> expect) {}

    private static Row row(String name, Consumer<Settings> set, Consumer<MultiLayerNetwork> expect) {
        return new Row(name, set, settings -> expect.accept(settings.build()));
    }

    /** Of a setting of the network, or of the block. */
    private static Row refused(String name, Consumer<Settings> set, String sentence) {
        return new Row(
                name,
                set,
                settings -> assertEquals(
                        sentence,
                        assertThrows(MiniGptException.class, settings::build).getMessage()));
    }

    private static Settings with(Consumer<Settings> set) {
        Settings settings = Settings.plain();
        set.accept(settings);
        return settings;
    }

    private static MultiLayerNetwork plain() {
        return Settings.plain().build();
    }

    private static DataSet batch() {
        INDArray x = Nd4j.createFromArray(new int[][] {{1, 2, 3, 4}, {0, 6, 5, 2}});
        return new DataSet(x, Nd4j.createFromArray(new int[][] {{2, 3, 4, 5}, {6, 5, 2, 0}}));
    }

    /** @return each parameter after one step less what it was before */
    private static Map<String, INDArray> moved(MultiLayerNetwork network) {
        Map<String, INDArray> before = copy(network);
        network.fit(batch());
        return copy(network).entrySet().stream()
                .collect(Collectors.toMap(Map.Entry::getKey, p -> p.getValue().sub(before.get(p.getKey()))));
    }

    private static Map<String, INDArray> copy(Model network) {
        return network.paramTable().entrySet().stream()
                .collect(Collectors.toMap(Map.Entry::getKey, p -> p.getValue().dup()));
    }

    private static double norm(INDArray array) {
        return array.norm2Number().doubleValue();
    }

    private static boolean isWeight(String name) {
        return name.endsWith(".weight") && !name.contains("ln") || name.endsWith("_weight");
    }

    private static void assertSame(INDArray expected, INDArray actual, String name) {
        double deviation = expected.sub(actual).amaxNumber().doubleValue();
        assertTrue(deviation < 2e-7, name + " deviates by " + deviation);
    }

    /** The step is that of the plain network plus what {@code extra} says of a parameter. */
    private static Consumer<MultiLayerNetwork> steps(java.util.function.BiFunction<String, INDArray, INDArray> extra) {
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

    private static INDArray decay(boolean applies, double factor, INDArray p) {
        return applies ? p.mul(-RATE * factor) : p.mul(0);
    }

    private static INDArray sign(boolean applies, double factor, INDArray p) {
        return applies ? Nd4j.math().sign(p).mul(-RATE * factor) : p.mul(0);
    }

    private static boolean inBlock(String name) {
        return name.startsWith("1_");
    }

    private static boolean blockWeight(String name) {
        return inBlock(name) && isWeight(name);
    }

    private static boolean blockBias(String name) {
        return inBlock(name) && !isWeight(name);
    }

    private static Row unchanged(String name, Consumer<Settings> set) {
        return row(name, set, steps((p, value) -> value.mul(0)));
    }

    /** Constrains to what is not negative, on parameters that would be. */
    private static Row constrained(String name, Consumer<Settings> set, java.util.function.Predicate<String> which) {
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

    private static Row initialised(String name, Consumer<Settings> set, java.util.function.Predicate<String> which) {
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

    private static Row clipped(String name, GradientNormalization kind, Consumer<Map<String, INDArray>> expect) {
        return row(
                name,
                s -> s.network.updater(new Sgd(1)).gradientNormalization(kind).gradientNormalizationThreshold(0.01),
                network -> expect.accept(moved(network)));
    }

    private static double layerNorm(Map<String, INDArray> moved, String layer) {
        return Math.sqrt(moved.entrySet().stream()
                .filter(p -> p.getKey().startsWith(layer))
                .mapToDouble(p -> Math.pow(norm(p.getValue()), 2))
                .sum());
    }

    private static final Distribution QUARTERS = new ConstantDistribution(0.25);
    private static final NonNegativeConstraint POSITIVE = new NonNegativeConstraint();

    private static Stream<Row> ofNetworks() {
        return Stream.of(
                unchanged("activation", s -> s.network.activation(Activation.TANH)),
                unchanged("convolutionMode", s -> s.network.convolutionMode(null)),
                unchanged("cudnnAlgoMode", s -> s.network.cudnnAlgoMode(null)),
                unchanged("cacheMode", s -> s.network.cacheMode(CacheMode.DEVICE)),
                unchanged("trainingWorkspaceMode", s -> s.network.trainingWorkspaceMode(WorkspaceMode.NONE)),
                unchanged("inferenceWorkspaceMode", s -> s.network.inferenceWorkspaceMode(WorkspaceMode.NONE)),
                unchanged("maxNumLineSearchIterations", s -> s.network.maxNumLineSearchIterations(2)),
                refused(
                        "minimize",
                        s -> s.network.minimize(false),
                        "TokenAndPositionEmbeddingLayer \"layer0\" is in a network with minimize(false), which DL4J passes"
                                + " over; leave it out: the score is minimized"),
                row(
                        "optimizationAlgo stepFunction",
                        s -> s.network
                                .optimizationAlgo(OptimizationAlgorithm.LINE_GRADIENT_DESCENT)
                                .stepFunction(null),
                        network -> {
                            double before = network.score(batch());
                            network.fit(batch());
                            assertTrue(network.score(batch()) < before);
                        }),
                row("miniBatch", s -> s.network.miniBatch(false), network -> {
                    Map<String, INDArray> expected = moved(plain());
                    moved(network)
                            .forEach((p, step) ->
                                    assertSame(expected.get(p).mul(2).castTo(DataType.FLOAT), step, p));
                }),
                row("seed", s -> s.network.seed(4), network -> {
                    assertEquals(with(s -> s.network.seed(4)).build().params(), network.params());
                    assertNotEquals(plain().params(), network.params());
                }),
                row("dataType", s -> s.network.dataType(DataType.DOUBLE), network -> {
                    network.fit(batch());
                    assertEquals(
                            DataType.DOUBLE,
                            network.output(batch().getFeatures()).dataType());
                }),
                refused(
                        "dataType",
                        s -> s.network.dataType(DataType.HALF),
                        "TokenAndPositionEmbeddingLayer \"layer0\" computes in FLOAT or DOUBLE, but the network's dataType"
                                + " is HALF; set it to one of the two"),
                initialised("weightInit", s -> s.network.weightInit(QUARTERS), NetworkSettingsTest::isWeight),
                initialised("dist", s -> s.network.dist(QUARTERS), NetworkSettingsTest::isWeight),
                initialised("biasInit", s -> s.network.biasInit(0.25), p -> p.endsWith("bias")),
                row("l1", s -> s.network.l1(0.5), steps((p, value) -> sign(isWeight(p), 0.5, value))),
                row("l2", s -> s.network.l2(0.5), steps((p, value) -> decay(isWeight(p), 0.5, value))),
                row("l1Bias", s -> s.network.l1Bias(0.5), steps((p, value) -> sign(!isWeight(p), 0.5, value))),
                row("l2Bias", s -> s.network.l2Bias(0.5), steps((p, value) -> decay(!isWeight(p), 0.5, value))),
                row("weightDecay", s -> s.network.weightDecay(0.5), steps((p, v) -> decay(isWeight(p), 0.5, v))),
                row(
                        "weightDecayBias",
                        s -> s.network.weightDecayBias(0.5),
                        steps((p, v) -> decay(!isWeight(p), 0.5, v))),
                row(
                        "regularization",
                        s -> s.network.regularization(List.of(new WeightDecay(0.5, true))),
                        steps((p, value) -> decay(isWeight(p), 0.5, value))),
                row(
                        "regularizationBias",
                        s -> s.network.regularizationBias(List.of(new L2Regularization(0.5))),
                        steps((p, value) -> decay(!isWeight(p), 0.5, value))),
                row("dropOut", s -> s.network.dropOut(0.5), NetworkSettingsTest::assertDropsInTraining),
                refused(
                        "weightNoise",
                        s -> s.network.weightNoise(new DropConnect(0.5)),
                        noise("TokenAndPositionEmbeddingLayer \"layer0\"")),
                row(
                        "updater",
                        s -> s.network.updater(new Sgd(0)),
                        network -> moved(network).forEach((p, step) -> assertEquals(0, norm(step), p))),
                row(
                        "biasUpdater",
                        s -> s.network.biasUpdater(new Sgd(0)),
                        network -> moved(network).forEach((p, step) -> assertEquals(isWeight(p), norm(step) > 0, p))),
                clipped("gradientNormalization", GradientNormalization.ClipL2PerLayer, moved -> {
                    for (String layer : List.of("0_", "1_", "2_")) {
                        assertEquals(0.01, layerNorm(moved, layer), 1e-6, layer);
                    }
                }),
                clipped("gradientNormalization", GradientNormalization.RenormalizeL2PerLayer, moved -> {
                    for (String layer : List.of("0_", "1_", "2_")) {
                        assertEquals(1, layerNorm(moved, layer), 1e-4, layer);
                    }
                }),
                clipped(
                        "gradientNormalization",
                        GradientNormalization.RenormalizeL2PerParamType,
                        moved -> moved.forEach((p, step) -> assertEquals(1, norm(step), 1e-4, p))),
                clipped(
                        "gradientNormalizationThreshold",
                        GradientNormalization.ClipL2PerParamType,
                        moved -> moved.forEach((p, step) -> assertTrue(norm(step) < 0.01 + 1e-6, p))),
                clipped(
                        "gradientNormalization",
                        GradientNormalization.ClipElementWiseAbsoluteValue,
                        moved -> moved.forEach(
                                (p, step) -> assertTrue(step.amaxNumber().doubleValue() < 0.01 + 1e-6, p))),
                constrained(
                        "constrainWeights", s -> s.network.constrainWeights(POSITIVE), NetworkSettingsTest::isWeight),
                constrained("constrainBias", s -> s.network.constrainBias(POSITIVE), p -> !isWeight(p)),
                refused(
                        "constrainAllParameters",
                        s -> s.network.constrainAllParameters(POSITIVE),
                        "TokenAndPositionEmbeddingLayer \"layer0\" is in a network with constrainAllParameters, which DL4J"
                                + " drops; set constrainWeights and constrainBias on the network, or constrainAllParameters"
                                + " on each layer"));
    }

    private static String noise(String layer) {
        return layer
                + " can't have weightNoise, but got DropConnect(weightRetainProb=0.5, weightRetainProbSchedule=null,"
                + " applyToBiases=false); leave it out, or set dropoutRate or dropOut";
    }

    private static void assertDropsInTraining(MultiLayerNetwork network) {
        INDArray x = batch().getFeatures();
        assertEquals(network.output(x, false), network.output(x, false));
        assertNotEquals(network.output(x, false), network.output(x, true));
    }

    private static Stream<Row> ofLayers() {
        return Stream.of(
                row(
                        "name",
                        s -> s.block.name("b"),
                        network -> assertEquals(
                                "b", network.getLayer(1).conf().getLayer().getLayerName())),
                refused(
                        "activation",
                        s -> s.block.activation(Activation.TANH),
                        "TransformerBlockLayer has no activation of DL4J's, but got tanh; leave it out, or set that of a"
                                + " feed-forward, an org.minigpt.graph.Activation"),
                refused(
                        "nOut",
                        s -> s.block.nOut(48),
                        "TransformerBlockLayer \"layer1\" adds to its input and so needs nOut to be nIn, but has nIn 8 and"
                                + " nOut 48; leave nOut out, or set both alike"),
                row(
                        "nIn",
                        s -> s.block.nIn(C),
                        network -> assertEquals(
                                C,
                                ((FeedForwardLayer) network.getLayer(1).conf().getLayer()).getNIn())),
                initialised("weightInit", s -> s.block.weightInit(QUARTERS), NetworkSettingsTest::blockWeight),
                initialised("dist", s -> s.block.dist(QUARTERS), NetworkSettingsTest::blockWeight),
                initialised("biasInit", s -> s.block.biasInit(0.25), p -> inBlock(p) && p.endsWith("bias")),
                initialised("gainInit", s -> s.block.gainInit(0.25), p -> inBlock(p) && p.matches(".*ln[12].weight")),
                row("l1", s -> s.block.l1(0.5), steps((p, value) -> sign(blockWeight(p), 0.5, value))),
                row("l2", s -> s.block.l2(0.5), steps((p, value) -> decay(blockWeight(p), 0.5, value))),
                row("l1Bias", s -> s.block.l1Bias(0.5), steps((p, value) -> sign(blockBias(p), 0.5, value))),
                row("l2Bias", s -> s.block.l2Bias(0.5), steps((p, value) -> decay(blockBias(p), 0.5, value))),
                row("weightDecay", s -> s.block.weightDecay(0.5), steps((p, v) -> decay(blockWeight(p), 0.5, v))),
                row("weightDecayBias", s -> s.block.weightDecayBias(0.5), steps((p, v) -> decay(blockBias(p), 0.5, v))),
                row(
                        "weightDecay, in spite of the network's",
                        s -> {
                            s.network.weightDecay(0.25);
                            s.block.weightDecay(0.5);
                        },
                        steps((p, v) -> decay(isWeight(p), inBlock(p) ? 0.5 : 0.25, v))),
                row(
                        "regularization",
                        s -> s.block.regularization(List.of(new WeightDecay(0.5, true))),
                        steps((p, value) -> decay(blockWeight(p), 0.5, value))),
                row(
                        "regularizationBias",
                        s -> s.block.regularizationBias(List.of(new L2Regularization(0.5))),
                        steps((p, value) -> decay(blockBias(p), 0.5, value))),
                row("dropOut", s -> s.block.dropOut(0.5), NetworkSettingsTest::assertDropsInTraining),
                row("dropOut of the head", s -> s.head.dropOut(0.5), NetworkSettingsTest::assertDropsInTraining),
                refused(
                        "dropOut of an embedding",
                        s -> s.embedding.dropOut(0.5),
                        "TokenAndPositionEmbeddingLayer takes ids, of which dropOut can drop none, but got Dropout;"
                                + " leave it out, or set dropoutRate, which drops the layer's output"),
                refused("weightNoise", s -> s.block.weightNoise(new DropConnect(0.5)), noise("TransformerBlockLayer")),
                row(
                        "updater",
                        s -> s.block.updater(new Sgd(0)),
                        network -> moved(network).forEach((p, step) -> assertEquals(!inBlock(p), norm(step) > 0, p))),
                row(
                        "biasUpdater",
                        s -> s.block.biasUpdater(new Sgd(0)),
                        network -> moved(network).forEach((p, step) -> assertEquals(!blockBias(p), norm(step) > 0, p))),
                row(
                        "gradientNormalization gradientNormalizationThreshold",
                        s -> s.block
                                .gradientNormalization(GradientNormalization.ClipL2PerLayer)
                                .gradientNormalizationThreshold(0.01),
                        network -> {
                            Map<String, INDArray> moved = moved(network);
                            assertEquals(0.01 * RATE, layerNorm(moved, "1_"), 1e-7);
                            assertTrue(layerNorm(moved, "0_") > 0.01 * RATE);
                        }),
                constrained(
                        "constrainWeights", s -> s.block.constrainWeights(POSITIVE), NetworkSettingsTest::blockWeight),
                constrained("constrainBias", s -> s.block.constrainBias(POSITIVE), NetworkSettingsTest::blockBias),
                constrained(
                        "constrainAllParameters",
                        s -> s.block.constrainAllParameters(POSITIVE),
                        NetworkSettingsTest::inBlock),
                refused(
                        "swiGlu with an activation",
                        s -> s.block.swiGlu(true).activation(org.minigpt.graph.Activation.RELU),
                        "TransformerBlockLayer has swiGlu, whose activation is always SiLU, but the activation RELU; leave"
                                + " one of the two out"));
    }

    @TestFactory
    Stream<DynamicTest> ofTheNetwork() {
        return ofNetworks().map(r -> dynamicTest(r.name, () -> r.expect.accept(with(r.set))));
    }

    @TestFactory
    Stream<DynamicTest> ofTheLayer() {
        return ofLayers().map(r -> dynamicTest(r.name, () -> r.expect.accept(with(r.set))));
    }

    /** The tables above name all methods by which DL4J's builders are set; {@code layer} is what they are set for. */
    @Test
    void theTablesAreComplete() {
        assertEquals(settings(NeuralNetConfiguration.Builder.class, Set.of("layer", "clone")), names(ofNetworks()));
        assertEquals(settings(GptLayer.Builder.class, Set.of("dataFormat", "units")), names(ofLayers()));
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

    /** The head's matrix is [V,C], but its inputs are C as those of any other. */
    @Test
    void theHeadIsDrawnByItsInputs() {
        LanguageModelOutputLayer head = new LanguageModelOutputLayer.Builder()
                .nOut(2000)
                .weightInit(WeightInit.RELU)
                .build();
        MultiLayerNetwork network = new MultiLayerNetwork(new NeuralNetConfiguration.Builder()
                .seed(1)
                .list()
                .layer(head)
                .setInputType(InputType.recurrent(C, T))
                .build());
        network.init();
        double deviation = network.getParam("0_weight").stdNumber().doubleValue();
        assertEquals(Math.sqrt(2.0 / C), deviation, 0.01);
    }

    @Test
    void frozenLayersStay() {
        for (boolean withBackprop : new boolean[] {false, true}) {
            org.deeplearning4j.nn.conf.layers.Layer block =
                    Settings.plain().block.build();
            MultiLayerNetwork network = new MultiLayerNetwork(Settings.plain()
                    .network
                    .list()
                    .layer(Settings.plain().embedding.build())
                    .layer(
                            withBackprop
                                    ? new FrozenLayerWithBackprop(block)
                                    : new FrozenLayer.Builder().layer(block).build())
                    .layer(Settings.plain().head.build())
                    .setInputType(InputType.recurrent(1, T))
                    .build());
            network.init();
            Map<String, INDArray> moved = moved(network);
            moved.forEach((p, step) -> {
                boolean moves = p.startsWith("2_") || withBackprop && p.startsWith("0_");
                assertEquals(moves, norm(step) > 0, p);
            });
        }
    }
}
