package org.minigpt.parity;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Deviation.assertNear;

import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.minigpt.data.Batch;
import org.minigpt.graph.FusedOps;
import org.minigpt.graph.OpSet;
import org.minigpt.graph.PortableOps;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.train.AdamW;
import org.minigpt.train.AdamWConfig;
import org.minigpt.train.AdamWConfig.Decay;
import org.minigpt.train.GradientClip;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * The same tiny GPTs as in {@code reference-generator} must come to the same numbers as on libtorch. Tolerances are
 * relative to the largest entry of each tensor.
 */
class LibtorchParityTest {
    private static final double IN_DOUBLE = 1e-8;
    private static final double IN_FLOAT = 1e-5;
    private static final double LOSSES_IN_FLOAT = 1e-4;

    static Stream<Arguments> casesAndOps() {
        return Stream.of("lecture", "nanogpt", "gpt2")
                .flatMap(name -> Stream.of(DataType.DOUBLE, DataType.FLOAT)
                        .flatMap(type -> Stream.of(new FusedOps(), new PortableOps())
                                .map(ops -> Arguments.of(name, type, ops))));
    }

    /** Without the portable ops in float, which are slow and of which only the losses would be compared. */
    static Stream<Arguments> casesAndOpsToTrain() {
        return casesAndOps().filter(a -> a.get()[1] == DataType.DOUBLE || a.get()[2] instanceof FusedOps);
    }

    /** Every intermediate of the forward pass but the attention's probabilities, which the graph does not hold. */
    @ParameterizedTest
    @MethodSource("casesAndOps")
    void intermediatesAgree(String name, DataType type, OpSet ops) {
        ReferenceFile file = ReferenceFile.load(name, type);
        Gpt gpt = gpt(file, type, ops);
        Map<String, INDArray> expected = new HashMap<>(file.under("out."));
        expected.keySet().removeIf(variable -> variable.endsWith(".attn.probabilities"));
        // embedding, 10 a block, ln_f, logits
        assertEquals(3 + 10 * file.integer("n_layer"), expected.size());

        Map<String, INDArray> actual = gpt.sameDiff()
                .output(Map.of(Gpt.IDS, file.array("x")), expected.keySet().toArray(new String[0]));

        assertAll(expected.keySet().stream()
                .sorted()
                .map(variable ->
                        () -> assertNear(variable, expected.get(variable), actual.get(variable), tolerance(type))));
    }

    @ParameterizedTest
    @MethodSource("casesAndOps")
    void logitsAndLossAgree(String name, DataType type, OpSet ops) {
        ReferenceFile file = ReferenceFile.load(name, type);
        Gpt gpt = gpt(file, type, ops);
        double loss = file.scalar("loss");

        assertNear("logits", file.array("out.logits"), gpt.logits(file.array("x")), tolerance(type));
        assertEquals(loss, gpt.loss(file.array("x"), file.array("y")), loss * tolerance(type));
    }

    @ParameterizedTest
    @MethodSource("casesAndOps")
    void gradientsAgree(String name, DataType type, OpSet ops) {
        ReferenceFile file = ReferenceFile.load(name, type);
        Gpt gpt = gpt(file, type, ops);
        double loss = file.scalar("loss");
        double norm = file.scalar("grad_norm");

        assertEquals(loss, gpt.lossAndGradients(file.array("x"), file.array("y")), loss * tolerance(type));

        Map<String, INDArray> expected = file.under("grad.");
        assertEquals(expected.keySet(), gpt.gradients().keySet());
        assertAll(expected.keySet().stream()
                .map(p -> () -> assertNear(p, expected.get(p), gpt.gradients().get(p), tolerance(type))));
        assertEquals(norm, gpt.flatGradients().norm2Number().doubleValue(), norm * tolerance(type));
    }

    /**
     * Ten steps on ten batches. In float only the losses: the gradient of a key's bias is zero in theory and rounding
     * noise in fact, and AdamW turns that into whole steps of the learning rate.
     */
    @ParameterizedTest
    @MethodSource("casesAndOpsToTrain")
    void tenStepsOfClippedAdamWAgree(String name, DataType type, OpSet ops) {
        ReferenceFile file = ReferenceFile.load(name, type);
        Gpt gpt = gpt(file, type, ops);
        AdamW adamW = new AdamW(gpt.parameterInfos(), type, adamWConfig(file));
        GradientClip clip = new GradientClip(file.number("grad_clip"));
        double relative = type == DataType.DOUBLE ? IN_DOUBLE : LOSSES_IN_FLOAT;
        for (int step = 0; step < file.array("steps.loss").length(); step++) {
            INDArray x = file.array("steps.x").get(NDArrayIndex.point(step)).dup('c');
            INDArray y = file.array("steps.y").get(NDArrayIndex.point(step)).dup('c');
            double expected = file.array("steps.loss").getDouble(step);

            double loss = gpt.lossAndGradients(x, y);
            double norm = clip.apply(gpt.flatGradients());
            adamW.step(gpt.flatParameters(), gpt.flatGradients(), file.number("learning_rate"));

            assertEquals(expected, loss, expected * relative, "loss of step " + step);
            if (type == DataType.DOUBLE) {
                double expectedNorm = file.array("steps.grad_norm").getDouble(step);
                assertEquals(expectedNorm, norm, expectedNorm * relative, "gradient norm of step " + step);
            }
        }
        if (type == DataType.DOUBLE) {
            Map<String, INDArray> expected = file.under("after.");
            assertAll(expected.keySet().stream()
                    .map(p -> () ->
                            assertNear(p, expected.get(p), gpt.parameters().get(p), IN_DOUBLE)));
        }
    }

    private static AdamWConfig adamWConfig(ReferenceFile file) {
        return new AdamWConfig(
                file.number("beta1"),
                file.number("beta2"),
                file.number("adam_eps"),
                file.number("weight_decay"),
                Decay.valueOf(file.text("decay")));
    }

    private static double tolerance(DataType type) {
        return type == DataType.DOUBLE ? IN_DOUBLE : IN_FLOAT;
    }

    /** The file's model with the file's parameters. */
    private static Gpt gpt(ReferenceFile file, DataType type, OpSet ops) {
        GptConfig config = GptConfig.builder()
                .vocabSize(file.integer("vocab_size"))
                .blockSize(file.integer("block_size"))
                .nLayer(file.integer("n_layer"))
                .nHead(file.integer("n_head"))
                .nEmbd(file.integer("n_embd"))
                .bias(GptConfig.Bias.valueOf(file.text("bias")))
                .mlp(Mlp.valueOf(file.text("activation")))
                .tiedHead(Boolean.parseBoolean(file.text("tied_head")))
                .normEps(file.number("norm_eps"))
                .build();
        assertEquals(Batch.IGNORE_INDEX, file.integer("ignore_index"));
        Gpt gpt = Gpt.builder(config).dataType(type).opSet(ops).build();
        Map<String, INDArray> parameters = file.under("param.");
        assertEquals(parameters.keySet(), gpt.parameters().keySet());
        gpt.parameters().forEach((name, values) -> {
            assertTrue(values.equalShapes(parameters.get(name)), name);
            values.assign(parameters.get(name));
        });
        return gpt;
    }
}
