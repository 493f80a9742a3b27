package org.minigpt.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Deviation.assertNear;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.io.ModelFolder;
import org.minigpt.model.Gpt;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

class ExportCommandTest {
    @TempDir
    static Path dir;

    private static Path text;
    private static Path model;

    @BeforeAll
    static void train() throws IOException {
        model = dir.resolve("model");
        text = Files.writeString(dir.resolve("text.txt"), "She sells sea shells by the sea shore.\n".repeat(20));
        Cli.train(text, model).assertDone();
    }

    @Test
    void sameDiff() {
        Path file = dir.resolve("gpt.fb");

        Cli.Result result = Cli.run("export", "--model", model, "--format", "samediff", "--out", file);

        assertEquals(
                "Wrote " + file + System.lineSeparator(), result.assertDone().out());
        Gpt gpt = ModelFolder.load(model).gpt();
        INDArray ids = Nd4j.createFromArray(new int[][] {{1, 2, 3}});
        assertNear(
                "logits",
                gpt.logits(ids),
                SameDiff.load(file.toFile(), false)
                        .output(Map.of("ids", ids), "logits")
                        .get("logits"),
                1e-5);
    }

    /** The formats that know no ReLU get a model without. */
    @Test
    void toOtherProgramsAndBack() {
        Path gelu = dir.resolve("gelu");
        Cli.train(text, gelu, "--activation", "gelu-tanh", "--bias", "all", "--tied-head")
                .assertDone();
        Gpt gpt = ModelFolder.load(gelu).gpt();
        for (String format : new String[] {"hf", "gguf", "llmc"}) {
            Path there = dir.resolve("there-" + format);
            Path back = dir.resolve("back-" + format);
            Cli.run("export", "--model", gelu, "--format", format, "--out", there)
                    .assertDone();
            Cli.Result result =
                    Cli.run("import", "--from", there, "--format", format, "--block-size", 4, "--out", back);
            result.assertDone();
            Gpt cropped = ModelFolder.loadGpt(back);
            assertEquals(4, cropped.config().blockSize());
            int[][] ids = {{1, 2, 3}};
            assertNear(format, gpt.logits(ids), cropped.logits(ids), 0);
        }
        // Which has its characters in it.
        assertEquals(
                gpt.config().vocabSize(),
                ModelFolder.load(dir.resolve("back-gguf")).tokenizer().vocabSize());
    }

    @Test
    void onnx() {
        Path file = dir.resolve("gpt.onnx");
        Cli.run("export", "--model", model, "--format", "onnx", "--out", file).assertDone();
        assertTrue(Files.exists(file));
    }

    @Test
    void aModelThatAFormatDoesNotKnowIsASentence() {
        Cli.run("export", "--model", model, "--format", "gguf", "--out", dir.resolve("x"))
                .assertSentence(
                        "GGUF knows GPT-2 with the activation gelu or gelu-tanh, but the model has relu; train one"
                                + " with the activation gelu-tanh, or export it as onnx or samediff");
    }

    @Test
    void anUnknownFormatIsWrongUsage() {
        Cli.Result result = Cli.run("export", "--model", model, "--format", "pickle", "--out", dir.resolve("x"));
        assertEquals(2, result.exitCode());
        assertTrue(result.err().contains("samediff"), result.err());
    }
}
