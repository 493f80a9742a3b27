package org.minigpt.dl4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.dl4j.SettingsFixture.POSITIVE;
import static org.minigpt.dl4j.SettingsFixture.QUARTERS;
import static org.minigpt.dl4j.SettingsFixture.assertComplete;
import static org.minigpt.dl4j.SettingsFixture.assertSame;
import static org.minigpt.dl4j.SettingsFixture.batch;
import static org.minigpt.dl4j.SettingsFixture.constrained;
import static org.minigpt.dl4j.SettingsFixture.decay;
import static org.minigpt.dl4j.SettingsFixture.initialised;
import static org.minigpt.dl4j.SettingsFixture.isWeight;
import static org.minigpt.dl4j.SettingsFixture.layerNorm;
import static org.minigpt.dl4j.SettingsFixture.moved;
import static org.minigpt.dl4j.SettingsFixture.noise;
import static org.minigpt.dl4j.SettingsFixture.norm;
import static org.minigpt.dl4j.SettingsFixture.plain;
import static org.minigpt.dl4j.SettingsFixture.refused;
import static org.minigpt.dl4j.SettingsFixture.row;
import static org.minigpt.dl4j.SettingsFixture.sign;
import static org.minigpt.dl4j.SettingsFixture.steps;
import static org.minigpt.dl4j.SettingsFixture.with;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.OptimizationAlgorithm;
import org.deeplearning4j.nn.conf.CacheMode;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.WorkspaceMode;
import org.deeplearning4j.nn.conf.weightnoise.DropConnect;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.minigpt.dl4j.SettingsFixture.Row;
import org.minigpt.dl4j.SettingsFixture.Settings;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.learning.regularization.L2Regularization;
import org.nd4j.linalg.learning.regularization.WeightDecay;

/**
 * Every setting of DL4J's on the network that can reach a layer: it has its effect, by a value, or is refused in a
 * sentence that names it.
 */
@SuppressWarnings("deprecation") // of some of the settings
class NetworkSettingsTest {
    private static Row unchanged(String name, Consumer<Settings> set) {
        return row(name, set, steps((p, value) -> value.mul(0)));
    }

    private static Row clipped(String name, GradientNormalization kind, Consumer<Map<String, INDArray>> expect) {
        return row(
                name,
                s -> s.network().updater(new Sgd(1)).gradientNormalization(kind).gradientNormalizationThreshold(0.01),
                network -> expect.accept(moved(network)));
    }

    private static Stream<Row> ofNetworks() {
        return Stream.of(
                unchanged("activation", s -> s.network().activation(Activation.TANH)),
                unchanged("convolutionMode", s -> s.network().convolutionMode(null)),
                unchanged("cudnnAlgoMode", s -> s.network().cudnnAlgoMode(null)),
                unchanged("cacheMode", s -> s.network().cacheMode(CacheMode.DEVICE)),
                unchanged("trainingWorkspaceMode", s -> s.network().trainingWorkspaceMode(WorkspaceMode.NONE)),
                unchanged("inferenceWorkspaceMode", s -> s.network().inferenceWorkspaceMode(WorkspaceMode.NONE)),
                unchanged("maxNumLineSearchIterations", s -> s.network().maxNumLineSearchIterations(2)),
                refused(
                        "minimize",
                        s -> s.network().minimize(false),
                        "TokenAndPositionEmbeddingLayer \"layer0\" is in a network with minimize(false), which DL4J passes"
                                + " over; leave it out: the score is minimized"),
                row(
                        "optimizationAlgo stepFunction",
                        s -> s.network()
                                .optimizationAlgo(OptimizationAlgorithm.LINE_GRADIENT_DESCENT)
                                .stepFunction(null),
                        network -> {
                            double before = network.score(batch());
                            network.fit(batch());
                            assertTrue(network.score(batch()) < before);
                        }),
                row("miniBatch", s -> s.network().miniBatch(false), network -> {
                    Map<String, INDArray> expected = moved(plain());
                    moved(network)
                            .forEach((p, step) ->
                                    assertSame(expected.get(p).mul(2).castTo(DataType.FLOAT), step, p));
                }),
                row("seed", s -> s.network().seed(4), network -> {
                    assertEquals(with(s -> s.network().seed(4)).build().params(), network.params());
                    assertNotEquals(plain().params(), network.params());
                }),
                row("dataType", s -> s.network().dataType(DataType.DOUBLE), network -> {
                    network.fit(batch());
                    assertEquals(
                            DataType.DOUBLE,
                            network.output(batch().getFeatures()).dataType());
                }),
                refused(
                        "dataType",
                        s -> s.network().dataType(DataType.HALF),
                        "TokenAndPositionEmbeddingLayer \"layer0\" computes in FLOAT or DOUBLE, but the network's dataType"
                                + " is HALF; set it to one of the two"),
                initialised("weightInit", s -> s.network().weightInit(QUARTERS), SettingsFixture::isWeight),
                initialised("dist", s -> s.network().dist(QUARTERS), SettingsFixture::isWeight),
                initialised("biasInit", s -> s.network().biasInit(0.25), p -> p.endsWith("bias")),
                row("l1", s -> s.network().l1(0.5), steps((p, value) -> sign(isWeight(p), 0.5, value))),
                row("l2", s -> s.network().l2(0.5), steps((p, value) -> decay(isWeight(p), 0.5, value))),
                row("l1Bias", s -> s.network().l1Bias(0.5), steps((p, value) -> sign(!isWeight(p), 0.5, value))),
                row("l2Bias", s -> s.network().l2Bias(0.5), steps((p, value) -> decay(!isWeight(p), 0.5, value))),
                row("weightDecay", s -> s.network().weightDecay(0.5), steps((p, v) -> decay(isWeight(p), 0.5, v))),
                row(
                        "weightDecayBias",
                        s -> s.network().weightDecayBias(0.5),
                        steps((p, v) -> decay(!isWeight(p), 0.5, v))),
                row(
                        "regularization",
                        s -> s.network().regularization(List.of(new WeightDecay(0.5, true))),
                        steps((p, value) -> decay(isWeight(p), 0.5, value))),
                row(
                        "regularizationBias",
                        s -> s.network().regularizationBias(List.of(new L2Regularization(0.5))),
                        steps((p, value) -> decay(!isWeight(p), 0.5, value))),
                row("dropOut", s -> s.network().dropOut(0.5), SettingsFixture::assertDropsInTraining),
                refused(
                        "weightNoise",
                        s -> s.network().weightNoise(new DropConnect(0.5)),
                        noise("TokenAndPositionEmbeddingLayer \"layer0\"")),
                row(
                        "updater",
                        s -> s.network().updater(new Sgd(0)),
                        network -> moved(network).forEach((p, step) -> assertEquals(0, norm(step), p))),
                row(
                        "biasUpdater",
                        s -> s.network().biasUpdater(new Sgd(0)),
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
                constrained("constrainWeights", s -> s.network().constrainWeights(POSITIVE), SettingsFixture::isWeight),
                constrained("constrainBias", s -> s.network().constrainBias(POSITIVE), p -> !isWeight(p)),
                refused(
                        "constrainAllParameters",
                        s -> s.network().constrainAllParameters(POSITIVE),
                        "TokenAndPositionEmbeddingLayer \"layer0\" is in a network with constrainAllParameters, which DL4J"
                                + " drops; set constrainWeights and constrainBias on the network, or constrainAllParameters"
                                + " on each layer"));
    }

    @TestFactory
    Stream<DynamicTest> ofTheNetwork() {
        return SettingsFixture.tests(ofNetworks());
    }

    /** {@code layer} is what they are set for. */
    @Test
    void theTableIsComplete() {
        assertComplete(NeuralNetConfiguration.Builder.class, Set.of("layer", "clone"), ofNetworks());
    }
}
