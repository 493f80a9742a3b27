package org.minigpt.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.apache.commons.io.FileUtils;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a run leaves behind beside its model, and that it can be repeated from that. */
class FromRunTest {
    private static final Object[] UNUSUAL = {
        "--dropout",
        0.1,
        "--decay-lr",
        "--warmup-iters",
        1,
        "--seed",
        7,
        "--replicas",
        3,
        "--tied-head",
        "--init",
        "nanogpt",
        "--grad-clip",
        0.1,
        "--decay-group",
        "matrices",
        "--peak"
    };

    @TempDir
    static Path shared;

    @TempDir
    Path dir;

    private static Path text;
    private static Path trained;

    private Path run; // what was trained, to be changed

    @BeforeAll
    static void train() throws IOException {
        text = shared.resolve("a text.txt");
        trained = shared.resolve("run");
        writeText('\u00e9');
        Cli.train(text, trained, UNUSUAL).assertDone();
    }

    private static void writeText(char last) throws IOException {
        Files.writeString(text, ("She sells sea shells " + last + ".\n").repeat(20));
    }

    @BeforeEach
    void copy() throws IOException {
        run = dir.resolve("run");
        FileUtils.copyDirectory(trained.toFile(), run.toFile());
    }

    private static byte[] weights(Path folder) throws IOException {
        return Files.readAllBytes(folder.resolve("model.safetensors"));
    }

    private JsonNode json() throws IOException {
        return new ObjectMapper().readTree(run.resolve("run.json").toFile());
    }

    @Test
    void theSameBitsWithOneCommand() throws IOException {
        Cli.run("train", "--from-run", run, "--no-peak").assertDone();

        Path again = dir.resolve("run-again");
        assertArrayEquals(weights(run), weights(again));
        // And what it says of itself is what the first said.
        List<String> first = Files.readAllLines(run.resolve("train.properties"));
        List<String> second = Files.readAllLines(again.resolve("train.properties"));
        assertEquals(
                first.stream().filter(line -> !line.startsWith("peak")).toList(),
                second.stream().filter(line -> !line.startsWith("peak")).toList());
    }

    @Test
    void withAChange() throws IOException {
        Path other = dir.resolve("other");
        Cli.run("train", "--from-run", run, "--no-peak", "--seed", 8, "--out-dir", other)
                .assertDone();

        assertFalse(Arrays.equals(weights(run), weights(other)));
        assertFalse(Files.exists(dir.resolve("run-again")));
    }

    @Test
    void aFileNamesTheFolder() throws IOException {
        Path other = dir.resolve("by-file");
        Path file = Files.writeString(dir.resolve("a.properties"), "out-dir = " + other + "\npeak = false\n");
        Cli.run("train", "--from-run", run, "--config", file).assertDone();

        assertArrayEquals(weights(run), weights(other));
    }

    @Test
    void whatItSaysIsAConfigurationToo() throws IOException {
        Path other = dir.resolve("by-record");
        Cli.run("train", "--config", run.resolve("train.properties"), "--no-peak", "--out-dir", other)
                .assertDone();

        assertArrayEquals(weights(run), weights(other));
    }

    @Test
    void saysWhatItWas() throws IOException {
        JsonNode json = json();

        assertEquals("7", json.at("/seed").asText());
        assertEquals("0.1", json.at("/config/dropout").asText());
        assertEquals("matrices", json.at("/config/decay-group").asText());
        assertEquals("3", json.at("/config/replicas").asText());
        assertEquals("1.0.0-M2.1", json.at("/versions/dl4j").asText());
        assertEquals(
                System.getProperty("java.version"), json.at("/versions/java").asText());
        assertEquals(
                Runtime.getRuntime().availableProcessors(),
                json.at("/machine/processors").asInt());
        assertTrue(json.at("/machine/sgemm_peak_gflops").asDouble() > 0);
        // 24 characters 20 times, of which 432 train.
        assertEquals(432, json.at("/data/train_tokens").asInt());
        assertEquals(48, json.at("/data/val_tokens").asInt());
        assertEquals(64, json.at("/data/sha256").asText().length());
        assertTrue(json.at("/parameters").asInt() > 0);
    }

    @Test
    void saysWhatCameOfIt() throws IOException {
        JsonNode results = json().at("/results");
        List<String> metrics = Files.readAllLines(run.resolve("metrics.csv"));
        String[] last = metrics.get(3).split(",");

        assertEquals(4, results.at("/iterations").asInt());
        assertEquals(4, results.at("/steps").asInt());
        assertEquals(4, results.at("/clipped_steps").asInt()); // at a norm of 0.1
        assertTrue(results.at("/finished").asBoolean());
        assertFalse(results.at("/stopped").asBoolean());
        assertEquals(Double.parseDouble(last[2]), results.at("/val_loss").asDouble(), 1e-6);
        assertEquals(
                results.at("/val_loss").asDouble() / Math.log(2),
                results.at("/val_bits_per_char").asDouble(),
                1e-9);
        double best = metrics.stream()
                .skip(1)
                .mapToDouble(line -> Double.parseDouble(line.split(",")[2]))
                .min()
                .orElseThrow();
        assertEquals(best, results.at("/best_val_loss").asDouble(), 1e-6);
        assertTrue(results.at("/tokens_per_second").asDouble() > 0);
        assertTrue(results.at("/fraction_of_peak").asDouble() > 0);
    }

    @Test
    void jsonLinesHaveEveryStepAndEvaluation() throws IOException {
        List<String> lines = Files.readAllLines(run.resolve("metrics.jsonl"));
        List<JsonNode> nodes = lines.stream().map(FromRunTest::parse).toList();

        assertEquals(
                List.of("evaluation 0", "step 0", "step 1", "evaluation 2", "step 2", "step 3", "evaluation 4"),
                nodes.stream()
                        .map(node -> node.get("type").asText() + " "
                                + node.get("iteration").asInt())
                        .toList());
        JsonNode step = nodes.get(2);
        assertEquals(
                step.get("loss").asDouble() / Math.log(2),
                step.get("bits_per_char").asDouble(),
                1e-9);
        assertTrue(step.get("grad_norm").asDouble() > 0.1);
        assertTrue(step.get("clipped").asBoolean());
        // The rise of one step ends at iteration 1, with the whole rate... of which the cosine has taken nothing yet.
        assertEquals(1e-3, step.get("learning_rate").asDouble(), 1e-12);
        assertEquals(4 * 8, step.get("tokens").asInt());
        assertTrue(step.get("tokens_per_second").asDouble() > 0);
        assertTrue(step.get("fraction_of_peak").asDouble() > 0);
    }

    private static JsonNode parse(String line) {
        try {
            return new ObjectMapper().readTree(line);
        } catch (IOException e) {
            throw new AssertionError(line, e);
        }
    }

    @Test
    void aRunThatFailsLeavesTheRecordOfTheModelThatIsThere() throws IOException {
        byte[] record = Files.readAllBytes(run.resolve("run.json"));
        byte[] lines = Files.readAllBytes(run.resolve("metrics.jsonl"));

        Cli.Result failed = Cli.train(text, run, "--eval-interval", 4, "--learning-rate", "1e30", "--seed", 1);

        assertEquals(1, failed.exitCode());
        assertArrayEquals(record, Files.readAllBytes(run.resolve("run.json")));
        assertArrayEquals(lines, Files.readAllBytes(run.resolve("metrics.jsonl")));
    }

    @Test
    void anotherText() throws IOException {
        writeText('\u00e8');
        try {
            Cli.run("train", "--from-run", run)
                    .assertSentence(text + " is not the text that the run in " + run
                            + " was trained on: restore it, or name what to train on with --data.");
            Cli.run("train", "--from-run", run, "--no-peak", "--data", text).assertDone();
        } finally {
            writeText('\u00e9');
        }
    }

    @Test
    void folderThatIsNoRun() {
        Cli.run("train", "--from-run", dir)
                .assertSentence(dir + " is not the folder of a run, it has no train.properties: give one that minigpt"
                        + " train wrote with --out-dir.");
    }
}
