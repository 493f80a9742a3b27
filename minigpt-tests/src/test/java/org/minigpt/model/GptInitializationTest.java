package org.minigpt.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.minigpt.graph.Positions;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.model.GptConfig.Initialization;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.model.GptConfig.Norm;
import org.minigpt.testing.FloatAndDouble;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.ops.transforms.Transforms;

/** How the parameters are drawn, with seeds under which the statistics stay within five deviations. */
class GptInitializationTest {
    private static final GptConfig SMALL = GptConfig.builder().vocabSize(65).build();

    /** Not the lecture's sizes alone: no two fan-ins are equal but those of width C. */
    private static final GptConfig LECTURE =
            SMALL.toBuilder().bias(Bias.ALL).nLayer(3).build();

    private static final GptConfig NANOGPT =
            LECTURE.toBuilder().initialization(Initialization.NANOGPT).build();

    /** The parameters of a model by what they are, the number of the block left out. */
    private static Map<String, INDArray> parameters(GptConfig config) {
        return Gpt.create(config, 1337).parameters();
    }

    private static String kind(String name) {
        return name.replaceFirst("^h\\.\\d+\\.", "");
    }

    /** n values of mean 0: theirs is within five of its deviations √(1/n). */
    private static void assertMeanIsZero(String name, INDArray values, double deviation) {
        double mean = values.meanNumber().doubleValue();
        assertTrue(Math.abs(mean) <= 5 * deviation / Math.sqrt(values.length()), () -> name + " has the mean " + mean);
    }

    /** A normal sample of n has a deviation that is within five of its own deviations, √(1/2n) of it. */
    private static void assertNormal(String name, INDArray values, double deviation) {
        assertMeanIsZero(name, values, deviation);
        double actual = values.stdNumber().doubleValue();
        assertEquals(deviation, actual, 5 * deviation / Math.sqrt(2.0 * values.length()), name);
        // A uniform sample of that deviation would end at √3 of it.
        double largest = values.amaxNumber().doubleValue();
        assertTrue(largest > 2 * deviation, () -> name + " ends at " + largest);
    }

    /**
     * Uniform on ±bound: the deviation is bound/√3, and n values come within bound·10/n of the ends but for 1 in 20000.
     */
    private static void assertUniform(String name, INDArray values, double bound) {
        assertMeanIsZero(name, values, bound / Math.sqrt(3));
        double largest = values.amaxNumber().doubleValue();
        assertTrue(largest <= bound * 1.0000001, () -> name + " reaches " + largest + " beyond " + bound);
        assertTrue(largest > bound * (1 - 10.0 / values.length()), () -> name + " reaches " + largest + " only");
        double n = values.length();
        // The variance of the variance of a uniform sample is (bound²/3)²·0.8/n.
        double variance = Transforms.pow(values, 2, true).meanNumber().doubleValue();
        assertEquals(bound * bound / 3, variance, 5 * bound * bound / 3 * Math.sqrt(0.8 / n), name);
    }

    private static void assertAll(String name, INDArray values, double expected) {
        assertEquals(expected, values.minNumber().doubleValue(), name);
        assertEquals(expected, values.maxNumber().doubleValue(), name);
    }

    /** PyTorch's {@code nn.Linear}: weights and biases uniform on ±1/√fan_in; {@code nn.Embedding}: N(0, 1). */
    @Test
    void theLecturesDistributions() {
        double c = 1 / Math.sqrt(64);
        double fourC = 1 / Math.sqrt(4 * 64);
        parameters(LECTURE).forEach((name, values) -> {
            switch (kind(name)) {
                case "wte.weight", "wpe.weight" -> assertNormal(name, values, 1);
                case "ln_1.weight", "ln_2.weight", "ln_f.weight" -> assertAll(name, values, 1);
                case "ln_1.bias", "ln_2.bias", "ln_f.bias" -> assertAll(name, values, 0);
                case "mlp.c_proj.weight", "mlp.c_proj.bias" -> assertUniform(name, values, fourC);
                case "attn.c_attn.weight",
                        "attn.c_attn.bias",
                        "attn.c_proj.weight",
                        "attn.c_proj.bias",
                        "mlp.c_fc.weight",
                        "mlp.c_fc.bias",
                        "lm_head.weight",
                        "lm_head.bias" -> assertUniform(name, values, c);
                default -> throw new AssertionError(name);
            }
        });
    }

    /** What comes out of a block is what went in, until the first step. */
    @Test
    void projectionsThatBeginAtZero() {
        parameters(NANOGPT.toBuilder()
                        .initialization(Initialization.ZERO_PROJECTIONS)
                        .build())
                .forEach((name, values) -> {
                    switch (kind(name)) {
                        case "attn.c_proj.weight", "mlp.c_proj.weight" -> assertAll(name, values, 0);
                        case "wte.weight", "attn.c_attn.weight", "mlp.c_fc.weight", "lm_head.weight" ->
                            assertNormal(name, values, 0.02);
                        default -> {}
                    }
                });
    }

    /**
     * A head of N(0, 1) would begin at a loss of 23 where ln 65 = 4.2 is right; nanoGPT's embeddings serve as heads.
     */
    @Test
    void embeddingsThatAreTheHeadAreSmall() {
        parameters(LECTURE.toBuilder().tiedHead(true).build()).forEach((name, values) -> {
            switch (kind(name)) {
                case "wte.weight", "wpe.weight" -> assertNormal(name, values, 0.02);
                case "attn.c_attn.weight", "mlp.c_fc.weight" -> assertUniform(name, values, 1 / Math.sqrt(64));
                default -> assertNotEquals("lm_head.weight", name);
            }
        });
    }

    private static Stream<GptConfig> headsNormsAndPositions(int vocabSize, int nEmbd) {
        return Stream.of(true, false)
                // A tied head would have each token predict itself, where blocks add nothing to it.
                .flatMap(tied -> Arrays.stream(Initialization.values())
                        .filter(init -> !tied || init != Initialization.ZERO_PROJECTIONS)
                        .map(init -> GptConfig.builder()
                                .vocabSize(vocabSize)
                                .nEmbd(nEmbd)
                                .nHead(2)
                                .nLayer(2)
                                .blockSize(8)
                                .tiedHead(tied)
                                .initialization(init)
                                .build()))
                .flatMap(config -> Arrays.stream(Positions.Kind.values())
                        .map(kind -> config.toBuilder()
                                .positions(Positions.of(kind, 10_000))
                                .build()))
                .flatMap(config -> Arrays.stream(Norm.values())
                        .map(norm -> config.toBuilder().norm(norm).build()));
    }

    private static Stream<GptConfig> withAllBiasesAndFeedForwards(GptConfig config) {
        return Arrays.stream(Mlp.values())
                .map(mlp -> config.toBuilder().mlp(mlp).build())
                .flatMap(each -> Arrays.stream(Bias.values())
                        .map(bias -> each.toBuilder().bias(bias).build()));
    }

    /** It guesses, so that each token has a probability of about 1/V; logits of 0.6 cost 0.6²/2. */
    @Test
    void aNewModelBeginsNearLnV() {
        List<GptConfig> configs = Stream.concat(
                        headsNormsAndPositions(65, 32).flatMap(GptInitializationTest::withAllBiasesAndFeedForwards),
                        headsNormsAndPositions(300, 256))
                .toList();
        int heads = 2 * Initialization.values().length - 1;
        int kinds = heads * Positions.Kind.values().length * Norm.values().length;
        assertEquals(kinds * (Bias.values().length * Mlp.values().length + 1), configs.size());
        for (GptConfig config : configs) {
            int v = config.vocabSize();
            Random random = new Random(7);
            INDArray x =
                    Nd4j.createFromArray(random.ints(16 * 8, 0, v).toArray()).reshape(16, 8);
            INDArray y =
                    Nd4j.createFromArray(random.ints(16 * 8, 0, v).toArray()).reshape(16, 8);
            assertEquals(Math.log(v), Gpt.builder(config).replicas(1).build().loss(x, y), 0.4, config::toString);
        }
    }

    /** nanoGPT's {@code model.py}: N(0, 0.02), the two projections of a block N(0, 0.02/√(2L)), biases 0. */
    @Test
    void nanoGptsDistributions() {
        parameters(NANOGPT).forEach((name, values) -> {
            switch (kind(name)) {
                case "attn.c_proj.weight", "mlp.c_proj.weight" -> assertNormal(name, values, 0.02 / Math.sqrt(6));
                case "wte.weight", "wpe.weight", "attn.c_attn.weight", "mlp.c_fc.weight", "lm_head.weight" ->
                    assertNormal(name, values, 0.02);
                case "ln_1.weight", "ln_2.weight", "ln_f.weight" -> assertAll(name, values, 1);
                default -> {
                    assertTrue(name.endsWith(".bias"), name);
                    assertAll(name, values, 0);
                }
            }
        });
    }

    @FloatAndDouble
    void theSameSeedGivesTheSameBits(DataType type) {
        for (GptConfig config : new GptConfig[] {LECTURE, NANOGPT}) {
            INDArray first = Gpt.builder(config).dataType(type).seed(1).build().flatParameters();
            assertEquals(
                    first, Gpt.builder(config).dataType(type).seed(1).build().flatParameters());
            assertNotEquals(
                    first, Gpt.builder(config).dataType(type).seed(2).build().flatParameters());
        }
    }

    /** So that a model in double is the same model. */
    @Test
    void floatsAreTheDoublesRounded() {
        INDArray doubles =
                Gpt.builder(LECTURE).dataType(DataType.DOUBLE).seed(1).build().flatParameters();
        assertEquals(
                doubles.castTo(DataType.FLOAT),
                Gpt.builder(LECTURE).seed(1).build().flatParameters());
    }

    /**
     * A seed must mean the same model tomorrow: the first numbers of java.util.Random(1337), of which they are made.
     */
    @Test
    void theFirstNumbersOfASeed() {
        Random random = new Random(1337);
        INDArray wte = Gpt.builder(SMALL)
                .dataType(DataType.DOUBLE)
                .seed(1337)
                .build()
                .parameters()
                .get("wte.weight");
        for (int j = 0; j < 64; j++) {
            assertEquals(random.nextGaussian(), wte.getDouble(0, j));
        }
    }

    /** Blocks differ from each other, as do the parts of one. */
    @Test
    void noTwoMatricesAreEqual() {
        Map<Double, String> sums = new TreeMap<>();
        parameters(LECTURE).forEach((name, values) -> {
            if (values.rank() == 2) {
                String other = sums.put(values.sumNumber().doubleValue(), name);
                assertEquals(null, other, () -> name + " equals " + other);
            }
        });
    }
}
