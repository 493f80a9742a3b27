package org.minigpt.model;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Deviation.assertNear;
import static org.minigpt.testing.Sentences.assertSentence;

import java.io.File;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.minigpt.data.Batch;
import org.minigpt.graph.FusedOps;
import org.minigpt.graph.OpSet;
import org.minigpt.graph.PortableOps;
import org.minigpt.graph.Positions;
import org.minigpt.graph.Positions.RopeScaling;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.runtime.Graphs;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.VariableType;
import org.nd4j.autodiff.samediff.internal.SameDiffOp;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** The portable op set computes what the fused one does: every value by its name, and every gradient. */
class PortableOpsTest {
    private static final int V = 11;
    private static final int BLOCK_SIZE = 7;

    private static final GptConfig LECTURE = GptConfig.builder()
            .vocabSize(V)
            .blockSize(BLOCK_SIZE)
            .nLayer(2)
            .nHead(3)
            .nEmbd(12)
            .build();
    private static final GptConfig NANOGPT = LECTURE.toBuilder()
            .bias(GptConfig.Bias.NONE)
            .tiedHead(true)
            .mlp(Mlp.GELU)
            .initialization(GptConfig.Initialization.NANOGPT)
            .build();
    private static final GptConfig GPT2 = LECTURE.toBuilder()
            .nHead(1)
            .bias(GptConfig.Bias.ALL)
            .mlp(Mlp.GELU_TANH)
            .build();
    private static final GptConfig LLAMA = LECTURE.toBuilder()
            .bias(GptConfig.Bias.NONE)
            .nHead(2)
            .nKvHead(1)
            .norm(GptConfig.Norm.RMS)
            .positions(new Positions.Rotary())
            .mlp(GptConfig.Mlp.SWIGLU)
            .build();
    private static final GptConfig ALIBI = NANOGPT.toBuilder()
            .positions(new Positions.Alibi())
            .nKvHead(1)
            .bias(GptConfig.Bias.ALL)
            .build();

    private static final GptConfig QWEN = LLAMA.toBuilder()
            .bias(GptConfig.Bias.QKV)
            .headSize(8)
            .qkNorm(true)
            .nInner(5)
            .positions(new Positions.Rotary(50, new RopeScaling.Llama3(4, 0.3, 1, 8)))
            .build();
    private static final GptConfig SILU = GPT2.toBuilder().mlp(Mlp.SILU).build();

    private static final GptConfig RELU2 = QWEN.toBuilder().mlp(Mlp.RELU2).build();

    private final Random random = new Random(7);

    static Stream<Arguments> configsAndTypes() {
        return Stream.of(LECTURE, NANOGPT, GPT2, LLAMA, ALIBI, QWEN, SILU, RELU2)
                .flatMap(config -> Stream.of(DataType.FLOAT, DataType.DOUBLE)
                        .map(type -> Arguments.of(config, type, type == DataType.FLOAT ? 1e-5 : 1e-10)));
    }

    private static Gpt gpt(GptConfig config, DataType type, OpSet ops) {
        return Gpt.builder(config).dataType(type).opSet(ops).seed(3).build();
    }

    /** One model of each op set for all sizes: neither is rebuilt. */
    @ParameterizedTest
    @MethodSource("configsAndTypes")
    void valuesAndGradientsAreTheFusedOnes(GptConfig config, DataType type, double tolerance) {
        Gpt fused = gpt(config, type, new FusedOps());
        Gpt portable = gpt(config, type, new PortableOps());
        for (int[] size : new int[][] {{2, BLOCK_SIZE}, {1, 1}, {3, 4}, {1, BLOCK_SIZE}}) {
            INDArray x = ids(size, 0);
            INDArray y = ids(size, size[0] * size[1] / 3);
            assertSame(fused, portable, x, y, tolerance);
        }
    }

    private static void assertSame(Gpt fused, Gpt portable, INDArray x, INDArray y, double tolerance) {
        List<String> names = fused.sameDiff().variables().stream()
                .filter(v -> v.getVariableType() == VariableType.ARRAY)
                .map(SDVariable::name)
                .toList();
        // embedding, ten a block, ln_f, logits and loss; and for rotary positions one more a block, for norms of heads
        // two
        int each = (fused.config().positions() instanceof Positions.Rotary ? 11 : 10)
                + (fused.config().qkNorm() ? 2 : 0);
        assertEquals(4 + each * fused.config().nLayer(), names.size());
        Map<String, INDArray> inputs = Map.of(Gpt.IDS, x, Gpt.TARGETS, y);
        Map<String, INDArray> expected = fused.sameDiff().output(inputs, names.toArray(String[]::new));
        Map<String, INDArray> actual = portable.sameDiff().output(inputs, names.toArray(String[]::new));
        assertAll(names.stream().map(name -> () -> assertNear(name, expected.get(name), actual.get(name), tolerance)));

        double loss = fused.lossAndGradients(x, y);
        assertEquals(loss, portable.lossAndGradients(x, y), tolerance * loss);
        assertAll(fused.gradients().keySet().stream()
                .map(name -> () -> assertNear(
                        "gradient of " + name,
                        fused.gradients().get(name),
                        portable.gradients().get(name),
                        tolerance)));
    }

    @ParameterizedTest
    @MethodSource("configsAndTypes")
    void nothingIsLearntFromIgnoredTargets(GptConfig config, DataType type, double tolerance) {
        Gpt portable = gpt(config, type, new PortableOps());
        INDArray x = ids(new int[] {2, 3}, 0);

        assertEquals(0, portable.lossAndGradients(x, ids(new int[] {2, 3}, 6)), 0);
        assertEquals(0, portable.flatGradients().amaxNumber().doubleValue());
    }

    /** Logits of ±1e4 are what a run that diverges comes to. */
    @Test
    void extremeLogitsStayNumbers() {
        Gpt fused = gpt(LECTURE, DataType.FLOAT, new FusedOps());
        Gpt portable = gpt(LECTURE, DataType.FLOAT, new PortableOps());
        for (Gpt gpt : List.of(fused, portable)) {
            gpt.parameters().get("lm_head.weight").muli(1e4);
        }

        assertTrue(fused.logits(new int[][] {{1, 2, 3}}).amaxNumber().doubleValue() > 1e4);
        assertSame(fused, portable, ids(new int[] {2, 5}, 0), ids(new int[] {2, 5}, 1), 1e-5);
    }

    /** @return random ids of [B,T], the first few of which are replaced by the ignore index */
    private INDArray ids(int[] size, int ignored) {
        int[] ids = random.ints((long) size[0] * size[1], 0, V).toArray();
        for (int i = 0; i < ignored; i++) {
            ids[i] = Batch.IGNORE_INDEX;
        }
        return Nd4j.createFromArray(ids).reshape(size[0], size[1]);
    }

    @Test
    void aFileHoldsOpsOfNd4jOnlyAndComputesTheSame(@TempDir Path folder) {
        Gpt gpt = gpt(GPT2, DataType.FLOAT, new PortableOps());
        File file = folder.resolve("gpt.fb").toFile();
        INDArray x = ids(new int[] {2, 4}, 0);
        INDArray y = ids(new int[] {2, 4}, 0);

        gpt.sameDiff().save(file, false);
        SameDiff loaded = SameDiff.load(file, false);

        assertFalse(loaded.getOps().isEmpty());
        for (SameDiffOp op : loaded.getOps().values()) {
            assertTrue(
                    op.getOp().getClass().getName().startsWith("org.nd4j."),
                    () -> op.getName() + " is a " + op.getOp().getClass());
        }
        Map<String, INDArray> inputs = Map.of(Gpt.IDS, x, Gpt.TARGETS, y);
        assertEquals(gpt.logits(x), loaded.outputSingle(inputs, Gpt.LOGITS));
        loaded.setLossVariables(Gpt.LOSS);
        Graphs.differentiate(loaded); // without SameDiff's output to the console
        gpt.lossAndGradients(x, y);
        loaded.calculateGradients(inputs, gpt.parameters().keySet())
                .forEach((name, gradient) -> assertEquals(gpt.gradients().get(name), gradient, name));
    }

    @Test
    void dropoutIsRefused() {
        GptConfig config = LECTURE.toBuilder().dropout(0.2).build();
        assertSentence(
                "the portable op set has no dropout, but a share of 0.2 is to be dropped; train with the fused op set, or"
                        + " set dropout to 0",
                () -> gpt(config, DataType.FLOAT, new PortableOps()));
    }
}
