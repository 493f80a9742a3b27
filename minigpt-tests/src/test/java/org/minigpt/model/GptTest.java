package org.minigpt.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Deviation.assertNear;
import static org.minigpt.testing.Sentences.assertSentence;

import java.io.File;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.graph.Positions;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.model.GptConfig.DropoutRates;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.model.Trainable.ParameterInfo;
import org.minigpt.ops.JavaOp;
import org.minigpt.runtime.Graphs;
import org.minigpt.runtime.MiniGptRuntime;
import org.minigpt.testing.FloatAndDouble;
import org.nd4j.autodiff.functions.DifferentialFunction;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.INDArrayIndex;
import org.nd4j.linalg.indexing.NDArrayIndex;

class GptTest {
    private static final GptConfig TINY = GptConfig.builder()
            .vocabSize(7)
            .blockSize(6)
            .nLayer(2)
            .nHead(2)
            .nEmbd(8)
            .build();
    private static final int[][] X = {{1, 2, 3, 4}, {6, 5, 4, 3}};
    private static final int[][] Y = {{2, 3, 4, 5}, {5, 4, 3, 2}};

    @Test
    void parameterCounts() {
        // The lecture's: (65 + 32)·64 + 4·(2·128 + 64·192 + 64² + 64 + 64·256 + 256 + 256·64 + 64) + 128 + 64·65 + 65
        // = 6208 + 4·49792 + 128 + 4160 + 65; the lecture prints 0.209729 M
        assertEquals(
                209_729,
                Gpt.create(GptConfig.builder().vocabSize(65).build(), 1).parameterCount());
        // nanoGPT's on a CPU: 65·128 + 64·128 + 4·(2·128 + 12·128²) + 128; it prints 0.80M, the positions not counted
        GptConfig medium = GptConfig.builder()
                .vocabSize(65)
                .blockSize(64)
                .nEmbd(128)
                .bias(Bias.NONE)
                .mlp(Mlp.GELU)
                .tiedHead(true)
                .build();
        assertEquals(
                8320 + 8192 + 4 * (256 + 196_608) + 128, Gpt.create(medium, 1).parameterCount());
    }

    @Test
    void parametersBearHuggingFacesNamesInTheOrderOfTheGraph() {
        assertEquals(
                List.of(
                        "wte.weight [7, 8]",
                        "wpe.weight [6, 8]",
                        "h.0.ln_1.weight [8]",
                        "h.0.ln_1.bias [8]",
                        "h.0.attn.c_attn.weight [8, 24]",
                        "h.0.attn.c_attn.bias [24]",
                        "h.0.attn.c_proj.weight [8, 8]",
                        "h.0.attn.c_proj.bias [8]",
                        "h.0.ln_2.weight [8]",
                        "h.0.ln_2.bias [8]",
                        "h.0.mlp.c_fc.weight [8, 32]",
                        "h.0.mlp.c_fc.bias [32]",
                        "h.0.mlp.c_proj.weight [32, 8]",
                        "h.0.mlp.c_proj.bias [8]",
                        "ln_f.weight [8]",
                        "ln_f.bias [8]",
                        "lm_head.weight [7, 8]",
                        "lm_head.bias [7]"),
                namesAndShapes(TINY.toBuilder().nLayer(1).bias(Bias.ALL).build()));
    }

    @Test
    void whatHasNoBiasDeclaresNone() {
        List<String> all = namesAndShapes(TINY.toBuilder().bias(Bias.ALL).build());
        List<String> lecture = new ArrayList<>(all);
        lecture.removeAll(List.of("h.0.attn.c_attn.bias [24]", "h.1.attn.c_attn.bias [24]"));
        assertEquals(lecture, namesAndShapes(TINY));
        assertEquals(
                all.stream().filter(name -> !name.contains(".bias")).toList(),
                namesAndShapes(TINY.toBuilder().bias(Bias.NONE).build()));
        assertEquals(
                all.stream().filter(name -> !name.startsWith("lm_head")).toList(),
                namesAndShapes(TINY.toBuilder().bias(Bias.ALL).tiedHead(true).build()));
    }

    private static List<String> namesAndShapes(GptConfig config) {
        Gpt gpt = Gpt.create(config, 1);
        List<String> result = new ArrayList<>();
        gpt.parameters().forEach((name, values) -> {
            result.add(name + " " + Arrays.toString(values.shape()));
            assertEquals(values.length(), gpt.gradients().get(name).length(), name);
        });
        assertEquals(
                result,
                gpt.parameterInfos().stream()
                        .map(info -> info.name() + " " + info.shape())
                        .toList());
        assertEquals(
                result,
                Gpt.declaredParameters(config).stream()
                        .map(p -> p.name() + " " + p.shape())
                        .toList());
        return result;
    }

    @FloatAndDouble
    void parametersAndGradientsAreViewsOfOneVectorEach(DataType type) {
        Gpt gpt = Gpt.builder(TINY).dataType(type).build();
        gpt.lossAndGradients(Nd4j.createFromArray(X), Nd4j.createFromArray(Y));
        for (ParameterInfo info : gpt.parameterInfos()) {
            INDArrayIndex interval = NDArrayIndex.interval(info.offset(), info.offset() + info.length());
            assertEquals(
                    gpt.flatParameters().get(interval),
                    gpt.parameters().get(info.name()).reshape(info.length()));
            assertEquals(
                    gpt.flatGradients().get(interval),
                    gpt.gradients().get(info.name()).reshape(info.length()));
            assertEquals(info.shape().size() == 2, info.matrix());
        }
        // What one changes the other shows, and the graph computes with.
        double before = gpt.loss(X, Y);
        gpt.parameters().get("wte.weight").putScalar(8, 42);
        assertEquals(42, gpt.flatParameters().getDouble(8));
        assertEquals(42, gpt.sameDiff().getVariable("wte.weight").getArr().getDouble(1, 0));
        assertNotEquals(before, gpt.loss(X, Y));
    }

    /** One graph for all: each sequence of a batch, and each beginning of it, gives what it gives alone. */
    @FloatAndDouble
    void anyBatchSizeAndLengthWithoutARebuild(DataType type) {
        Gpt gpt = Gpt.builder(TINY).dataType(type).seed(3).build();
        int ops = gpt.sameDiff().getOps().size();
        int[][] rows = {{1, 2, 3, 4, 5, 6}, {0, 0, 0, 1, 1, 1}, {6, 4, 2, 0, 1, 3}};
        INDArray all = gpt.logits(rows);
        assertArrayEquals(new long[] {3, 6, 7}, all.shape());
        for (int t = 6; t >= 1; t--) {
            for (int b = 0; b < 3; b++) {
                INDArray alone = gpt.logits(new int[][] {Arrays.copyOf(rows[b], t)});
                assertNear(
                        "row " + b + ", length " + t,
                        all.get(NDArrayIndex.interval(b, b + 1), NDArrayIndex.interval(0, t), NDArrayIndex.all())
                                .dup(),
                        alone,
                        type == DataType.FLOAT ? 1e-6 : 1e-14);
            }
        }
        assertEquals(ops, gpt.sameDiff().getOps().size());
    }

    @Test
    void idsMayBeLongOrViews() {
        Gpt gpt = Gpt.create(TINY, 3);
        INDArray expected = gpt.logits(X);
        INDArray ids = Nd4j.createFromArray(X);
        assertEquals(expected, gpt.logits(ids.castTo(DataType.INT64)));
        assertEquals(expected, gpt.logits(ids.dup('f')));
        INDArray larger = Nd4j.zeros(DataType.INT32, 2, 6);
        INDArray view = larger.get(NDArrayIndex.all(), NDArrayIndex.interval(1, 5));
        view.assign(ids);
        assertEquals(expected, gpt.logits(view));
        assertEquals(gpt.loss(X, Y), gpt.loss(view, Nd4j.createFromArray(Y).dup('f')));
    }

    @FloatAndDouble
    void dropoutIsForTrainingOnly(DataType type) {
        Gpt without = Gpt.builder(TINY).dataType(type).seed(3).build();
        Gpt with = Gpt.builder(TINY.toBuilder().dropout(0.5).build())
                .dataType(type)
                .seed(3)
                .build();
        INDArray x = Nd4j.createFromArray(X);
        INDArray y = Nd4j.createFromArray(Y);
        double loss = without.loss(X, Y);

        assertEquals(without.logits(X), with.logits(X));
        assertEquals(loss, with.loss(X, Y));
        assertEquals(loss, with.lossAndGradients(x, y));
        assertEquals(loss, with.lossAndGradients(x, y, 0));
        double dropped = with.lossAndGradients(x, y, 1);
        assertNotEquals(loss, dropped);
        INDArray gradients = with.flatGradients().dup();
        assertNotEquals(dropped, with.lossAndGradients(x, y, 2));
        assertEquals(dropped, with.lossAndGradients(x, y, 1));
        assertEquals(gradients, with.flatGradients());
    }

    /** Where nanoGPT drops: the embedding, the probabilities, and what both parts of a block add to the stream. */
    @Test
    void dropoutHasMasksOfItsOwnInEachPlace() {
        GptConfig config = TINY.toBuilder().dropout(0.5).build();
        Gpt gpt = Gpt.create(config, 3);
        INDArray x = Nd4j.createFromArray(X);
        Map<String, INDArray> inputs = Map.of(Gpt.IDS, x, Gpt.DROPOUT_KEY, Nd4j.scalar(DataType.INT64, 5));
        Set<INDArray> masks = new HashSet<>();
        String[] places = {"drop", "h.0.attn.drop", "h.0.mlp.drop", "h.1.attn.drop", "h.1.mlp.drop"};
        for (String place : places) {
            INDArray y = gpt.sameDiff().outputSingle(inputs, place);
            INDArray mask = y.neq(0);
            double kept = mask.castTo(DataType.DOUBLE).meanNumber().doubleValue();
            // 64 entries, of which 32 are kept, give or take five times the deviation √(64·0.25) = 4
            assertEquals(0.5, kept, 5 * 4 / 64.0, place);
            for (INDArray other : masks) {
                assertNotEquals(other, mask, place);
            }
            masks.add(mask);
        }
        assertNotEquals(
                gpt.sameDiff().outputSingle(inputs, "h.0.attn.heads"),
                gpt.sameDiff()
                        .outputSingle(
                                Map.of(Gpt.IDS, x, Gpt.DROPOUT_KEY, Nd4j.scalar(DataType.INT64, 0)), "h.0.attn.heads"));
    }

    @Test
    void eachPlaceHasItsRate() {
        GptConfig swiGlu = TINY.toBuilder()
                .mlp(Mlp.SWIGLU)
                .positions(new Positions.Rotary())
                .build();
        for (GptConfig config : List.of(TINY, swiGlu)) {
            assertEquals(
                    Map.of("drop", 0.1, "h.0.attn.heads", 0.2, "h.0.attn.drop", 0.3, "h.0.mlp.drop", 0.3),
                    ratesByPlace(config, new DropoutRates(0.1, 0.2, 0.3)));
            assertEquals(Map.of("drop", 0.1), ratesByPlace(config, new DropoutRates(0.1, 0, 0)));
            assertEquals(Map.of("h.0.attn.heads", 0.2), ratesByPlace(config, new DropoutRates(0, 0.2, 0)));
            assertEquals(
                    Map.of("h.0.attn.drop", 0.3, "h.0.mlp.drop", 0.3),
                    ratesByPlace(config, new DropoutRates(0, 0, 0.3)));
        }
    }

    /** Those of the ops that take the key, in the first block and before. */
    private static Map<String, Double> ratesByPlace(GptConfig config, DropoutRates rates) {
        SameDiff sd = Gpt.create(config.toBuilder().nLayer(1).dropout(rates).build(), 3)
                .sameDiff();
        Map<String, Double> result = new HashMap<>();
        for (DifferentialFunction op : sd.ops()) {
            if (Arrays.stream(op.args()).anyMatch(arg -> arg.name().equals(Gpt.DROPOUT_KEY))) {
                result.put(op.outputVariable().name(), ((JavaOp) op).getTArgument(0));
            }
        }
        return result;
    }

    @Test
    void aSavedGraphComputesTheSame(@TempDir Path folder) {
        GptConfig gelu =
                TINY.toBuilder().bias(Bias.NONE).mlp(Mlp.GELU).tiedHead(true).build();
        for (GptConfig config : List.of(
                TINY, gelu, TINY.toBuilder().dropout(0.5).mlp(Mlp.GELU_TANH).build())) {
            Gpt gpt = Gpt.create(config, 3);
            File file = folder.resolve(config.mlp() + ".fb").toFile();
            gpt.sameDiff().save(file, false);

            MiniGptRuntime.install();
            SameDiff loaded = SameDiff.load(file, false);

            INDArray x = Nd4j.createFromArray(X);
            INDArray y = Nd4j.createFromArray(Y);
            Map<String, INDArray> inputs = gpt.placeholders(x, y, 7);
            assertEquals(gpt.logits(X), loaded.outputSingle(gpt.placeholders(x, y, 0), Gpt.LOGITS));
            loaded.setLossVariables(Gpt.LOSS);
            Graphs.differentiate(loaded);
            Map<String, INDArray> gradients =
                    loaded.calculateGradients(inputs, gpt.parameters().keySet());
            // One replica, so that the sums are added up in the same order.
            Gpt single = Gpt.builder(config).seed(3).replicas(1).build();
            single.lossAndGradients(x, y, 7);
            single.gradients().forEach((name, gradient) -> assertEquals(gradient, gradients.get(name), name));
        }
    }

    @Test
    void buildersCheck() {
        assertSentence(
                "a GPT can't be of type HALF; choose FLOAT or DOUBLE",
                () -> Gpt.builder(TINY).dataType(DataType.FLOAT16));
        assertSentence(
                "replicas is 0 but must be at least 1; set it",
                () -> Gpt.builder(TINY).replicas(0));
        Gpt gpt = Gpt.builder(TINY).dataType(DataType.DOUBLE).build();
        assertSame(TINY, gpt.config());
        assertEquals(DataType.DOUBLE, gpt.dataType());
        assertTrue(Gpt.builder(TINY)
                        .zeroParameters()
                        .build()
                        .flatParameters()
                        .amaxNumber()
                        .doubleValue()
                == 0);
    }
}
