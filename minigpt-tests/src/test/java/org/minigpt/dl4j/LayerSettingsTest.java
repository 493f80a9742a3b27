package org.minigpt.dl4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.dl4j.SettingsFixture.C;
import static org.minigpt.dl4j.SettingsFixture.POSITIVE;
import static org.minigpt.dl4j.SettingsFixture.QUARTERS;
import static org.minigpt.dl4j.SettingsFixture.RATE;
import static org.minigpt.dl4j.SettingsFixture.T;
import static org.minigpt.dl4j.SettingsFixture.assertComplete;
import static org.minigpt.dl4j.SettingsFixture.constrained;
import static org.minigpt.dl4j.SettingsFixture.decay;
import static org.minigpt.dl4j.SettingsFixture.initialised;
import static org.minigpt.dl4j.SettingsFixture.isWeight;
import static org.minigpt.dl4j.SettingsFixture.layerNorm;
import static org.minigpt.dl4j.SettingsFixture.moved;
import static org.minigpt.dl4j.SettingsFixture.noise;
import static org.minigpt.dl4j.SettingsFixture.norm;
import static org.minigpt.dl4j.SettingsFixture.refused;
import static org.minigpt.dl4j.SettingsFixture.row;
import static org.minigpt.dl4j.SettingsFixture.sign;
import static org.minigpt.dl4j.SettingsFixture.steps;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
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
import org.minigpt.dl4j.SettingsFixture.Row;
import org.minigpt.dl4j.SettingsFixture.Settings;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.learning.regularization.L2Regularization;
import org.nd4j.linalg.learning.regularization.WeightDecay;

/**
 * Every setting of DL4J's on a layer: it has its effect, by a value, or is refused in a
 * sentence that names it.
 */
@SuppressWarnings("deprecation") // of some of the settings
class LayerSettingsTest {
    private static boolean inBlock(String name) {
        return name.startsWith("1_");
    }

    private static boolean blockWeight(String name) {
        return inBlock(name) && isWeight(name);
    }

    private static boolean blockBias(String name) {
        return inBlock(name) && !isWeight(name);
    }

    private static Stream<Row> ofLayers() {
        return Stream.of(
                row(
                        "name",
                        s -> s.block().name("b"),
                        network -> assertEquals(
                                "b", network.getLayer(1).conf().getLayer().getLayerName())),
                refused(
                        "activation",
                        s -> s.block().activation(Activation.TANH),
                        "TransformerBlockLayer has no activation of DL4J's, but got tanh; leave it out, or set that of a"
                                + " feed-forward, an org.minigpt.graph.FeedForward.Activation"),
                refused(
                        "nOut",
                        s -> s.block().nOut(48),
                        "TransformerBlockLayer \"layer1\" adds to its input and so needs nOut to be nIn, but has nIn 8 and"
                                + " nOut 48; leave nOut out, or set both alike"),
                row(
                        "nIn",
                        s -> s.block().nIn(C),
                        network -> assertEquals(
                                C,
                                ((FeedForwardLayer) network.getLayer(1).conf().getLayer()).getNIn())),
                initialised("weightInit", s -> s.block().weightInit(QUARTERS), LayerSettingsTest::blockWeight),
                initialised("dist", s -> s.block().dist(QUARTERS), LayerSettingsTest::blockWeight),
                initialised("biasInit", s -> s.block().biasInit(0.25), p -> inBlock(p) && p.endsWith("bias")),
                initialised("gainInit", s -> s.block().gainInit(0.25), p -> inBlock(p) && p.matches(".*ln[12].weight")),
                row("l1", s -> s.block().l1(0.5), steps((p, value) -> sign(blockWeight(p), 0.5, value))),
                row("l2", s -> s.block().l2(0.5), steps((p, value) -> decay(blockWeight(p), 0.5, value))),
                row("l1Bias", s -> s.block().l1Bias(0.5), steps((p, value) -> sign(blockBias(p), 0.5, value))),
                row("l2Bias", s -> s.block().l2Bias(0.5), steps((p, value) -> decay(blockBias(p), 0.5, value))),
                row("weightDecay", s -> s.block().weightDecay(0.5), steps((p, v) -> decay(blockWeight(p), 0.5, v))),
                row(
                        "weightDecayBias",
                        s -> s.block().weightDecayBias(0.5),
                        steps((p, v) -> decay(blockBias(p), 0.5, v))),
                row(
                        "weightDecay, in spite of the network's",
                        s -> {
                            s.network().weightDecay(0.25);
                            s.block().weightDecay(0.5);
                        },
                        steps((p, v) -> decay(isWeight(p), inBlock(p) ? 0.5 : 0.25, v))),
                row(
                        "regularization",
                        s -> s.block().regularization(List.of(new WeightDecay(0.5, true))),
                        steps((p, value) -> decay(blockWeight(p), 0.5, value))),
                row(
                        "regularizationBias",
                        s -> s.block().regularizationBias(List.of(new L2Regularization(0.5))),
                        steps((p, value) -> decay(blockBias(p), 0.5, value))),
                row("dropOut", s -> s.block().dropOut(0.5), SettingsFixture::assertDropsInTraining),
                row("dropOut of the head", s -> s.head().dropOut(0.5), SettingsFixture::assertDropsInTraining),
                refused(
                        "dropOut of an embedding",
                        s -> s.embedding().dropOut(0.5),
                        "TokenAndPositionEmbeddingLayer takes ids, of which dropOut can drop none, but got Dropout;"
                                + " leave it out, or set dropoutRate, which drops the layer's output"),
                refused(
                        "weightNoise",
                        s -> s.block().weightNoise(new DropConnect(0.5)),
                        noise("TransformerBlockLayer")),
                row(
                        "updater",
                        s -> s.block().updater(new Sgd(0)),
                        network -> moved(network).forEach((p, step) -> assertEquals(!inBlock(p), norm(step) > 0, p))),
                row(
                        "biasUpdater",
                        s -> s.block().biasUpdater(new Sgd(0)),
                        network -> moved(network).forEach((p, step) -> assertEquals(!blockBias(p), norm(step) > 0, p))),
                row(
                        "gradientNormalization gradientNormalizationThreshold",
                        s -> s.block()
                                .gradientNormalization(GradientNormalization.ClipL2PerLayer)
                                .gradientNormalizationThreshold(0.01),
                        network -> {
                            Map<String, INDArray> moved = moved(network);
                            assertEquals(0.01 * RATE, layerNorm(moved, "1_"), 1e-7);
                            assertTrue(layerNorm(moved, "0_") > 0.01 * RATE);
                        }),
                constrained(
                        "constrainWeights", s -> s.block().constrainWeights(POSITIVE), LayerSettingsTest::blockWeight),
                constrained("constrainBias", s -> s.block().constrainBias(POSITIVE), LayerSettingsTest::blockBias),
                constrained(
                        "constrainAllParameters",
                        s -> s.block().constrainAllParameters(POSITIVE),
                        LayerSettingsTest::inBlock),
                refused(
                        "swiGlu with an activation",
                        s -> s.block().swiGlu(true).activation(org.minigpt.graph.FeedForward.Activation.RELU),
                        "TransformerBlockLayer has swiGlu, whose activation is always SiLU, but the activation RELU; leave"
                                + " one of the two out"));
    }

    @TestFactory
    Stream<DynamicTest> ofTheLayer() {
        return SettingsFixture.tests(ofLayers());
    }

    @Test
    void theTableIsComplete() {
        assertComplete(GptLayer.Builder.class, Set.of("dataFormat", "units"), ofLayers());
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
                    Settings.plain().block().build();
            MultiLayerNetwork network = new MultiLayerNetwork(Settings.plain()
                    .network()
                    .list()
                    .layer(Settings.plain().embedding().build())
                    .layer(
                            withBackprop
                                    ? new FrozenLayerWithBackprop(block)
                                    : new FrozenLayer.Builder().layer(block).build())
                    .layer(Settings.plain().head().build())
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
