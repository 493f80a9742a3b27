package org.minigpt.model;

import static org.minigpt.testing.Deviation.assertNear;

import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.function.DoubleSupplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.minigpt.data.Batch;
import org.minigpt.graph.FusedOps;
import org.minigpt.graph.OpSet;
import org.minigpt.graph.PortableOps;
import org.minigpt.graph.Positions;
import org.minigpt.graph.Positions.RopeScaling;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.model.GptConfig.DropoutRates;
import org.minigpt.model.GptConfig.Initialization;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.model.GptConfig.Norm;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** The gradient of a whole model by every entry of every parameter, compared with central differences in double. */
class GptGradientTest {
    private static final int[][] X = {{1, 4, 1}, {0, 3, 2}, {2, 2, 2}};
    private static final int[][] Y = {{4, 1, Batch.IGNORE_INDEX}, {3, 2, 0}, {2, 2, 4}};

    private static final GptConfig LECTURE = GptConfig.builder()
            .vocabSize(5)
            .blockSize(4)
            .nLayer(2)
            .nHead(2)
            .nEmbd(4)
            .build();
    private static final GptConfig NANOGPT = LECTURE.toBuilder()
            .bias(Bias.NONE)
            .mlp(Mlp.GELU)
            .tiedHead(true)
            .initialization(Initialization.NANOGPT)
            .build();
    private static final GptConfig GPT2 =
            LECTURE.toBuilder().bias(Bias.ALL).mlp(Mlp.GELU_TANH).tiedHead(true).build();

    private static final GptConfig LLAMA = LECTURE.toBuilder()
            .bias(Bias.NONE)
            .nKvHead(1)
            .norm(Norm.RMS)
            .positions(new Positions.Rotary(5))
            .mlp(Mlp.SWIGLU)
            .build();
    private static final GptConfig ALIBI =
            GPT2.toBuilder().positions(new Positions.Alibi()).mlp(Mlp.SWIGLU).build();

    /** Of heads of 6 the pairs turn 1.27, 0.74 and 0.44 times in 8 tokens: fast, between and slow. */
    private static final RopeScaling LLAMA3 = new RopeScaling.Llama3(4, 0.5, 1, 8);

    private static final GptConfig LLAMA_3 = LLAMA.toBuilder()
            .headSize(6)
            .positions(new Positions.Rotary(5, LLAMA3))
            .build();
    private static final GptConfig QWEN_2 = LLAMA.toBuilder()
            .bias(Bias.QKV)
            .nInner(3)
            .positions(new Positions.Rotary(5, new RopeScaling.Linear(2)))
            .build();
    private static final GptConfig QWEN_3 =
            LLAMA.toBuilder().headSize(4).qkNorm(true).tiedHead(true).build();
    private static final GptConfig SILU =
            GPT2.toBuilder().mlp(Mlp.SILU).nInner(5).bias(Bias.NONE).build();

    private static final GptConfig RELU2 =
            QWEN_3.toBuilder().mlp(Mlp.RELU2).tiedHead(false).build();

    static Stream<GptConfig> configs() {
        return Stream.of(LECTURE, NANOGPT, GPT2, LLAMA, ALIBI, LLAMA_3, QWEN_2, QWEN_3, SILU, RELU2);
    }

    @ParameterizedTest
    @MethodSource("configs")
    void isThatOfDifferences(GptConfig config) {
        assertGradient(config, new FusedOps(), 0);
    }

    /** With masks that the key determines, so that they are the same for every difference. */
    @ParameterizedTest
    @MethodSource("configs")
    void isThatOfDifferencesWithDropout(GptConfig config) {
        DropoutRates rates = new DropoutRates(0.3, 0.2, 0.4);
        assertGradient(config.toBuilder().dropout(rates).build(), new FusedOps(), 42);
    }

    /** Of rows that hold two texts or three. */
    @ParameterizedTest
    @MethodSource("configs")
    void isThatOfDifferencesOfPackedTexts(GptConfig config) {
        int[] positions = {0, 0, 1, 0, 1, 0, 0, 0, 0};
        DropoutRates rates = new DropoutRates(0.3, 0.2, 0.4);
        assertGradient(config, new FusedOps(), 0, positions);
        assertGradient(config.toBuilder().dropout(rates).build(), new FusedOps(), 42, positions);
    }

    @Test
    void isThatOfDifferencesOnPortableOps() {
        // A large eps, since two entries that are nearly equal would make LayerNorm all but discontinuous.
        GptConfig smallest = LECTURE.toBuilder().nLayer(1).nEmbd(2).normEps(0.5).build();
        assertGradient(smallest, new PortableOps(), 0);
        assertGradient(smallest, new PortableOps(), 0, 0, 0, 1, 0, 1, 0, 0, 0, 0);
    }

    /** @param positions of rows that hold several texts; none otherwise */
    private static void assertGradient(GptConfig config, OpSet ops, long dropoutKey, int... positions) {
        Gpt gpt = Gpt.builder(config)
                .opSet(ops)
                .dataType(DataType.DOUBLE)
                .replicas(1)
                .seed(5)
                .build();
        // All entries, gains and biases included, away from the values where their part might not show.
        Random random = new Random(6);
        for (INDArray parameter : gpt.parameters().values()) {
            for (long i = 0; i < parameter.length(); i++) {
                parameter.putScalar(i, parameter.getDouble(i) + 0.3 * random.nextGaussian());
            }
        }
        Batch batch = new Batch(3, 3, flat(X), flat(Y), positions.length == 0 ? null : positions);
        Map<String, INDArray> differences = new HashMap<>();
        gpt.parameters()
                .forEach((name, parameter) ->
                        differences.put(name, differences(parameter, () -> loss(gpt, batch, dropoutKey))));
        gpt.lossAndGradients(batch, dropoutKey);
        gpt.gradients().forEach((name, gradient) -> assertNear(name, differences.get(name), gradient, 1e-7));
    }

    private static INDArray differences(INDArray parameter, DoubleSupplier loss) {
        double h = 2e-6;
        INDArray result = parameter.dup();
        for (long i = 0; i < parameter.length(); i++) {
            double middle = parameter.getDouble(i);
            parameter.putScalar(i, middle + h);
            double above = loss.getAsDouble();
            parameter.putScalar(i, middle - h);
            double below = loss.getAsDouble();
            parameter.putScalar(i, middle);
            result.putScalar(i, (above - below) / (2 * h));
        }
        return result;
    }

    private static int[] flat(int[][] rows) {
        return Stream.of(rows).flatMapToInt(IntStream::of).toArray();
    }

    private static double loss(Gpt gpt, Batch batch, long dropoutKey) {
        return dropoutKey == 0 ? gpt.loss(batch) : gpt.lossAndGradients(batch, dropoutKey);
    }
}
