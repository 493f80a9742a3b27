package org.minigpt.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.decode.Decoder.Window;
import org.minigpt.graph.FusedOps;
import org.minigpt.graph.PortableOps;
import org.minigpt.io.ModelFolder;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.testing.Deviation;
import org.minigpt.text.CharTokenizer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** The page on layers of one's own is true, and so is the example that it describes. */
class ExtendingTest {
    private static final GptConfig CONFIG = GptConfig.builder()
            .vocabSize(5)
            .blockSize(4)
            .nLayer(2)
            .nHead(2)
            .nEmbd(8)
            .build();

    @TempDir
    Path dir;

    @BeforeAll
    static void register() {
        CustomLayerExample.registerOps();
    }

    private static List<String> javaBlocks() throws IOException {
        return CodeBlocks.of("docs/extending.md");
    }

    @Test
    void theLayerOfThePageIsCheckedInLessThanSixtyLines() throws Exception {
        String code = javaBlocks().get(0);
        assertTrue(code.lines().count() < 60, code.lines().count() + " lines");
        CodeBlocks.compile(dir, "SquaredRelu", code);

        String[] printed = CodeBlocks.run(dir, "SquaredRelu").lines().toArray(String[]::new);

        assertEquals(2, printed.length);
        assertTrue(Double.parseDouble(printed[0]) < 1e-7, printed[0]);
        // ln 65 = 4.17 before it has learnt anything
        assertEquals(4.17, Double.parseDouble(printed[1]), 1.5);
    }

    @Test
    void theOtherCodeOfThePageIsTheExamples() throws IOException {
        Path examples = CodeBlocks.ROOT.resolve("minigpt-examples/src/main/java/org/minigpt/examples");
        String sources = Files.readString(examples.resolve("custom/SquaredReluOp.java"))
                + Files.readString(examples.resolve("custom/SquaredReluFeedForward.java"))
                + Files.readString(examples.resolve("CustomLayerExample.java"));
        List<String> blocks = javaBlocks();
        assertEquals(4, blocks.size());
        blocks.subList(1, 4).forEach(block -> assertTrue(sources.contains(block), block));
    }

    private static Gpt gpt(boolean fused, DataType type) {
        return CustomLayerExample.model(CONFIG)
                .opSet(fused ? new FusedOps() : new PortableOps())
                .dataType(type)
                .seed(3)
                .build();
    }

    @Test
    void theFusedOpIsSameDiffsCalls() {
        INDArray x = Nd4j.createFromArray(new int[][] {{1, 2, 3, 4}, {0, 0, 4, 1}});
        for (DataType type : new DataType[] {DataType.FLOAT, DataType.DOUBLE}) {
            double tolerance = type == DataType.FLOAT ? 1e-5 : 1e-12;
            Gpt fused = gpt(true, type);
            Gpt portable = gpt(false, type);
            assertEquals(portable.lossAndGradients(x, x), fused.lossAndGradients(x, x), 10 * tolerance);
            fused.gradients().forEach((name, gradient) -> {
                assertTrue(gradient.amaxNumber().doubleValue() > 0, name);
                Deviation.assertNear(name, portable.gradients().get(name), gradient, tolerance);
            });
        }
    }

    /** With weights of 0, x·W₁ + b₁ is b₁: max(0, -3)² = 0 and 3² = 9. */
    @Test
    void theLayerSquares() {
        Gpt gpt = gpt(true, DataType.DOUBLE);
        Map<String, INDArray> parameters = gpt.parameters();
        parameters.get("h.0.mlp.c_fc.weight").assign(0);
        parameters.get("h.0.mlp.c_fc.bias").assign(3).putScalar(0, -3);
        INDArray act = gpt.sameDiff()
                .output(Map.of(Gpt.IDS, Nd4j.createFromArray(new int[][] {{1}})), "h.0.mlp.act")
                .get("h.0.mlp.act");
        assertEquals(0, act.getDouble(0));
        for (int j = 1; j < 32; j++) {
            assertEquals(9, act.getDouble(j));
        }
    }

    @Test
    void itsFolderOpensForThoseWhoKnowTheBlocks() {
        CharTokenizer tokenizer = CharTokenizer.fromCorpus("hello ");
        Gpt gpt = gpt(true, DataType.FLOAT);
        gpt.parameters().get("h.1.mlp.c_proj.weight").muli(30);
        ModelFolder.save(dir, gpt, tokenizer);
        int[][] ids = {{1, 2, 3}};

        Gpt opened = ModelFolder.load(dir, CustomLayerExample::model).gpt();

        assertEquals(gpt.logits(ids), opened.logits(ids));
        // The names and shapes are those of a plain feed-forward, so it would open, and compute something else.
        assertSentence(
                dir.resolve("model.safetensors")
                        + " is of a model with blocks of its own, which its folder does not hold:"
                        + " open it in Java, by ModelFolder.load with what builds them.",
                () -> ModelFolder.load(dir));
        try (var decoder = gpt.decoder(1, 3, Window.EXACT)) {
            assertTrue(!decoder.cached(), "nobody knows what a block of one's own looks at");
        }
    }

    @Test
    void exportTakesSameDiffsCalls() {
        gpt(true, DataType.FLOAT).exportPortable(dir.resolve("gpt.fb"));
        assertTrue(Files.exists(dir.resolve("gpt.fb")));
    }

    @Test
    void theExampleRuns() throws Exception {
        Path text = Files.writeString(dir.resolve("input.txt"), "To be, or not to be.\n".repeat(50));
        String model = dir.resolve("model").toString();

        String said = CodeBlocks.printed(() -> CustomLayerExample.main(new String[] {text.toString(), "2", model}));

        var deviations = Pattern.compile("for (\\S+) with the fused op, (\\S+) with SameDiff's")
                .matcher(said);
        assertTrue(deviations.find(), said);
        assertTrue(Double.parseDouble(deviations.group(1)) < 1e-7, said);
        assertTrue(Double.parseDouble(deviations.group(2)) < 1e-7, said);
        assertTrue(said.contains("is trained in 2 steps"), said);
    }
}
