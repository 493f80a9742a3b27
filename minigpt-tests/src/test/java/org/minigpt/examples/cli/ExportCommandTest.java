package org.minigpt.examples.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.util.Deviation.assertNear;

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

    private static Path model;

    @BeforeAll
    static void train() throws IOException {
        model = dir.resolve("model");
        Cli.train(
                        Files.writeString(
                                dir.resolve("text.txt"), "She sells sea shells by the sea shore.\n".repeat(20)),
                        model)
                .assertDone();
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

    @Test
    void anUnknownFormatIsWrongUsage() {
        Cli.Result result = Cli.run("export", "--model", model, "--format", "pickle", "--out", dir.resolve("x"));
        assertEquals(2, result.exitCode());
        assertTrue(result.err().contains("samediff"), result.err());
    }
}
