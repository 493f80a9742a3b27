package org.minigpt.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.commons.io.FileUtils;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.checkpoint.Checkpoint;
import org.minigpt.io.ModelFolder;
import org.minigpt.runtime.MiniGptRuntime;

/** {@code minigpt train --resume}, and the checks of a run. */
class ResumeTest {
    private static final List<String> MORE = List.of(
            "--dropout",
            "0.2",
            "--sampling",
            "epoch",
            "--gradient-accumulation-steps",
            "2",
            "--lr-schedule",
            "wsd",
            "--lr-decay-start",
            "6",
            "--lr-decay-iters",
            "8",
            "--warmup-iters",
            "2");

    @TempDir
    static Path dir;

    private static Path text;

    @BeforeAll
    static void writeText() throws IOException {
        text = Files.writeString(dir.resolve("text.txt"), "She sells sea shells by the sea shore.\n".repeat(20));
    }

    private static Cli.Result train(Path folder, Object... options) {
        Object[] all = Stream.concat(MORE.stream(), Stream.of(options)).toArray();
        return Cli.train(text, folder, all);
    }

    private static byte[] weights(Path folder) throws IOException {
        return Files.readAllBytes(folder.resolve("model.safetensors"));
    }

    @Test
    void goesOnToTheSameBitsWithoutAnyOtherOption() throws IOException {
        Path straight = dir.resolve("straight");
        Path stopped = dir.resolve("stopped");
        train(straight, "--max-iters", 8).assertDone();
        train(stopped, "--max-iters", 5).assertDone();

        Cli.Result result =
                Cli.run("train", "--resume", stopped, "--max-iters", 8).assertDone();

        assertArrayEquals(weights(straight), weights(stopped));
        assertArrayEquals(
                Files.readAllBytes(straight.resolve("checkpoints/iter-00000008/optimizer.safetensors")),
                Files.readAllBytes(stopped.resolve("checkpoints/iter-00000008/optimizer.safetensors")));
        assertFalse(result.out().contains("replaces"), result.out());
        assertEquals(
                List.of("iteration", "0", "2", "4", "5", "6", "8"),
                Files.readAllLines(stopped.resolve("metrics.csv")).stream()
                        .map(line -> line.split(",")[0])
                        .toList());
        // eight steps and six evaluations, none twice
        assertEquals(14, Files.readAllLines(stopped.resolve("metrics.jsonl")).size());
    }

    @Test
    void goesOnFromAnEarlierCheckpoint() throws IOException {
        Path folder = dir.resolve("earlier");
        train(folder, "--max-iters", 8).assertDone();
        byte[] expected = weights(folder);
        Path newest = folder.resolve("checkpoints/iter-00000008");
        Path damaged = newest.resolve("optimizer.safetensors");
        byte[] bytes = Files.readAllBytes(damaged);
        bytes[bytes.length / 2] ^= 16;
        Files.write(damaged, bytes);

        Path before = folder.resolve("checkpoints/iter-00000006");
        Cli.run("train", "--resume", folder)
                .assertSentence("The checkpoint " + newest
                        + " is damaged, optimizer.safetensors does not have the checksum in SHA256SUMS: go on from the"
                        + " one before, " + before + ".");
        assertArrayEquals(bytes, Files.readAllBytes(damaged));
        Cli.run("train", "--resume", before).assertDone();

        assertArrayEquals(expected, weights(folder));
        assertEquals(
                ModelFolder.load(newest).gpt().flatParameters(),
                ModelFolder.load(folder).gpt().flatParameters());
        // the one that was damaged has been made anew
        Cli.run("train", "--resume", folder).assertDone();
    }

    /** Nothing but times is another after a run that had ended is gone on with. */
    @Test
    void aRunThatHasEndedStaysAsItIs() throws IOException {
        Path folder = dir.resolve("ended");
        train(folder, "--max-iters", 8, "--keep-checkpoints", 1).assertDone();
        Map<String, String> before = record(folder);
        Files.writeString(folder.resolve("metrics.csv"), "iteration,train_loss\n0\n"); // is made of the lines anew
        Cli.run("train", "--resume", folder).assertDone();
        assertEquals(before, record(folder));
    }

    /** The record, in which the times stay as they were told: no step was made. */
    private static Map<String, String> record(Path folder) throws IOException {
        Map<String, String> record = new TreeMap<>();
        for (String file : List.of("metrics.csv", "metrics.jsonl", "run.json", "train.properties", "loss.png")) {
            record.put(
                    file,
                    new String(Files.readAllBytes(folder.resolve(file)), StandardCharsets.ISO_8859_1)
                            .replaceAll("\"(seconds|peak_memory_mb)\" : [0-9.]+", ""));
        }
        return record;
    }

    /** Killed when its last checkpoint was saved, and the folder still another run's. */
    @Test
    void whatACrashLeftUndoneInTheFolderIsDone() throws IOException {
        Path folder = dir.resolve("undone");
        Path other = dir.resolve("done");
        train(folder, "--max-iters", 8).assertDone();
        train(other, "--max-iters", 2, "--seed", 2).assertDone();
        FileUtils.deleteDirectory(folder.resolve("checkpoints").toFile());
        FileUtils.copyDirectory(
                other.resolve("checkpoints").toFile(),
                folder.resolve("checkpoints").toFile());
        Cli.run("train", "--resume", folder).assertDone();
        assertArrayEquals(weights(other), weights(folder));
        assertEquals(record(other), record(folder));
    }

    @Test
    void metricsThatAreNotTheRunsAreRefused() throws IOException {
        Path folder = dir.resolve("metrics");
        train(folder, "--max-iters", 4).assertDone();
        Path metrics = folder.resolve("metrics.jsonl");
        String lines = Files.readString(metrics);
        for (String other : List.of(lines.replaceFirst("best", "rest"), lines.substring(0, 30), "{}\n")) {
            Files.writeString(metrics, other);
            Cli.run("train", "--resume", folder)
                    .assertSentence(
                            "The metrics in " + metrics + " can't be gone on with (its beginning is not what the run"
                                    + " wrote): restore them, or move the file away, and the record begins at iteration 4.");
        }
        Files.delete(metrics);
        Cli.run("train", "--resume", folder, "--max-iters", 6).assertDone();
        assertEquals(
                List.of("iteration", "6"),
                Files.readAllLines(folder.resolve("metrics.csv")).stream()
                        .map(line -> line.split(",")[0])
                        .toList());
    }

    /** Another folder gets the whole record, and the first stays as it is. */
    @Test
    void goesOnInAnotherFolder() throws IOException {
        Path folder = dir.resolve("first");
        Path other = dir.resolve("other");
        train(folder, "--max-iters", 5).assertDone();
        train(other, "--max-iters", 3, "--seed", 5).assertDone();
        byte[] before = weights(folder);
        Cli.run("train", "--resume", folder, "--max-iters", 8, "--out-dir", other)
                .assertDone();
        assertArrayEquals(before, weights(folder));
        Cli.run("train", "--resume", folder, "--max-iters", 8).assertDone();
        assertArrayEquals(weights(folder), weights(other));
        assertEquals(withoutTimes(folder), withoutTimes(other));
        assertFalse(Files.exists(other.resolve("checkpoints/iter-00000003")));
    }

    private static List<String> withoutTimes(Path folder) throws IOException {
        return Files.readAllLines(folder.resolve("metrics.jsonl")).stream()
                .map(line -> line.replaceAll("\"(seconds|tokens_per_second)\":[0-9.E]+", ""))
                .toList();
    }

    @Test
    void fewerStepsThanAreDoneAreRefusedBeforeAnythingIsWritten() throws IOException {
        Path folder = dir.resolve("fewer");
        train(folder, "--max-iters", 4).assertDone();
        Map<String, String> before = record(folder);
        Cli.run("train", "--resume", folder, "--max-iters", 3)
                .assertSentence("--max-iters 3 is below the 4 steps that the run in " + folder
                        + " has done: give at least 4, or an earlier checkpoint to --resume.");
        assertEquals(before, record(folder));
    }

    /** A run that was killed before its first checkpoint has the folder, but nothing in it. */
    @Test
    void anEarlierRunIsNotTakenForTheLast() throws IOException {
        Path folder = dir.resolve("killed");
        train(folder, "--max-iters", 4).assertDone();
        String began =
                Checkpoint.last(folder.resolve("checkpoints")).state().started().toString();
        Files.writeString(
                folder.resolve("checkpoints/lock"),
                "{\"pid\":4,\"host\":\"elsewhere\",\"since\":\"\",\"run\":\"2031-02-03T04:05:06Z\"}\n");
        Path newest = folder.resolve("checkpoints/iter-00000004");
        Cli.run("train", "--resume", folder)
                .assertSentence(
                        "The run in " + folder + " that began at 2031-02-03T04:05:06Z was killed before its first"
                                + " checkpoint; those there are of the run that began at " + began
                                + ": go on with that by --resume "
                                + newest + ", or train without --resume.");
        Cli.run("train", "--resume", newest, "--max-iters", 6).assertDone();
        Cli.run("train", "--resume", folder, "--max-iters", 8).assertDone();
    }

    @Test
    void aFolderIsForOneRunAtATime() throws IOException {
        Path folder = dir.resolve("locked");
        train(folder, "--max-iters", 4).assertDone();
        Map<String, String> before = record(folder);
        try (RunLock lock = RunLock.take(folder)) {
            lock.claim(Instant.parse("2026-01-02T03:04:05Z"));
            ProcessHandle self = ProcessHandle.current();
            for (Cli.Result second : List.of(Cli.run("train", "--resume", newest(folder)), train(folder))) {
                assertEquals(1, second.exitCode());
                assertTrue(second.err().startsWith("minigpt: The process " + self.pid() + " on "), second.err());
                assertTrue(
                        second.err()
                                .contains(" is training in " + folder
                                        + ": wait for its end, or choose another --out-dir."),
                        second.err());
            }
        }
        assertEquals(before, record(folder));
        assertEquals(0, Files.size(folder.resolve("checkpoints/lock")));
        train(folder, "--max-iters", 2).assertDone();
    }

    /** As if the checkpoint came from another machine. */
    @Test
    void otherKernelsThanTheRunsAreTold() throws IOException {
        Path folder = dir.resolve("machine");
        train(folder, "--max-iters", 2).assertDone();
        Cli.Result same = Cli.run("train", "--resume", folder, "--max-iters", 4).assertDone();
        assertFalse(same.out().contains("kernels"), same.out());
        Path record = newest(folder).resolve("run.json");
        Path sums = newest(folder).resolve("SHA256SUMS");
        String here = MiniGptRuntime.kernels();
        String before = Sha256.of(record);
        Files.writeString(record, Files.readString(record).replace("\"" + here + "\"", "\"plain+Elsewhere\""));
        Files.writeString(sums, Files.readString(sums).replace(before, Sha256.of(record)));

        Cli.Result other =
                Cli.run("train", "--resume", folder, "--max-iters", 6).assertDone();

        String told = "kernels   " + here + ", but plain+Elsewhere until here: the run goes on, with other last bits";
        assertEquals(1, other.out().lines().filter(told::equals).count(), other.out());
    }

    private static Path newest(Path folder) {
        return Checkpoint.last(folder.resolve("checkpoints")).path();
    }

    @Test
    void aRunThatDivergesSaysSo() {
        Cli.Result result = Cli.train(
                text, dir.resolve("diverging"), "--max-iters", 400, "--eval-interval", 1, "--learning-rate", 300);
        assertEquals(1, result.exitCode());
        assertTrue(result.err().contains("; choose a smaller learning rate or clip the gradients"), result.err());
    }

    @Test
    void theTextMustBeTheSame() throws IOException {
        Path other = Files.writeString(dir.resolve("other.txt"), "How much wood would a woodchuck chuck?\n".repeat(20));
        Path folder = dir.resolve("text");
        Cli.train(other, folder).assertDone();
        Files.writeString(other, "how much wood would a woodchuck chuck?\n".repeat(20));
        Cli.Result result = Cli.run("train", "--resume", folder);
        assertEquals(1, result.exitCode());
        assertTrue(result.err().contains(" is not the text that the run in "), result.err());
    }

    @Test
    void whatTheRunHasCannotBeChanged() throws IOException {
        Path folder = dir.resolve("fixed");
        Cli.train(text, folder).assertDone();
        Path tokens = dir.resolve("fixed-tokens");
        Cli.run("tokenizer", "train", "--data", text, "--vocab-size", 260, "--out", tokens)
                .assertDone();
        String[][] changes = {
            {"--tokenizer", tokens.toString(), "char"},
            {"--train-split", "0.8", "0.9"},
            {"--n-layer", "2", "1"},
            {"--block-size", "4", "8"},
            {"--bias", "all", "lecture"},
            {"--vocab-size", "300", "none"},
            {"--init-from", folder.toString(), "none"},
            {"--lora-rank", "2", "0"},
        };
        for (String[] change : changes) {
            Cli.Result result = Cli.run("train", "--resume", folder, change[0], change[1]);
            assertEquals(2, result.exitCode(), result.err());
            assertEquals(
                    "minigpt: " + change[0] + " is " + change[1] + ", but the run in " + folder + " has " + change[2]
                            + ": leave it out, or train anew.",
                    result.err().lines().findFirst().orElseThrow());
        }
        Cli.Result both = Cli.run("train", "--resume", folder, "--from-run", folder);
        assertTrue(
                both.err().startsWith("minigpt: --from-run repeats a run, and --resume goes on with one: leave one"),
                both.err());
        // The same is no change, and another length of the run none of these.
        Cli.run("train", "--resume", folder, "--n-layer", 1, "--bias", "lecture", "--max-iters", 6)
                .assertDone();

        Path other = Files.writeString(dir.resolve("fixed-other.txt"), "How much wood?\n".repeat(30));
        Cli.run("train", "--resume", folder, "--data", other)
                .assertSentence("--data is " + other + ", which has other characters than the text of the run in "
                        + folder + ": leave it out, or begin with the model by --init-from.");
    }

    /** A run that is repeated may be cut or encoded otherwise: the text is the same. */
    @Test
    void aRunIsRepeatedWithOtherTokens() throws IOException {
        Path folder = dir.resolve("cut");
        Cli.train(text, folder).assertDone();
        Cli.run("train", "--from-run", folder, "--train-split", 0.8).assertDone();
    }

    @Test
    void oneCharacterIsLearntByHeart() throws IOException {
        Path one = Files.writeString(dir.resolve("one.txt"), "a".repeat(200));
        Cli.Result result =
                Cli.train(one, dir.resolve("one"), "--overfit-one-batch").assertDone();
        assertTrue(result.out().contains("The batch is learnt by heart: its loss fell from 0.0000"), result.out());
    }

    @Test
    void thereMustBeACheckpoint() {
        Path none = dir.resolve("none");
        Cli.run("train", "--resume", none)
                .assertSentence("There is no checkpoint in " + none.resolve("checkpoints")
                        + ": check the path, or train without resuming.");
    }

    @Test
    void everyScheduleArrives() throws IOException {
        for (String kind : List.of("constant", "cosine", "linear", "wsd")) {
            Path folder = dir.resolve(kind);
            Object[] warmup =
                    kind.equals("constant") ? new Object[0] : new Object[] {"--warmup-iters", 0, "--min-lr", 0};
            Object[] options = Stream.concat(Stream.of("--lr-schedule", kind), Stream.of(warmup))
                    .toArray();
            Cli.train(text, folder, options).assertDone();
            List<String> rates = Files.readAllLines(folder.resolve("metrics.csv")).stream()
                    .skip(2)
                    .map(row -> row.split(",")[6])
                    .toList();
            // The rates of iterations 1 and 3 of 4; wsd falls from iteration 3, nine tenths of 4, on.
            assertEquals(
                    switch (kind) {
                        case "cosine" -> List.of("0.000853553", "0.000146447");
                        case "linear" -> List.of("0.000750000", "0.000250000");
                        default -> List.of("0.00100000", "0.00100000");
                    },
                    rates,
                    kind);
        }
    }

    @Test
    void oneBatchIsLearntByHeart() {
        Path folder = dir.resolve("overfit");
        Cli.Result result = Cli.train(
                        text, folder, "--overfit-one-batch", "--max-iters", 500, "--learning-rate", "1e-2")
                .assertDone();
        assertTrue(result.out().contains("The batch is learnt by heart: its loss fell from "), result.out());
        assertFalse(Files.exists(folder));

        Cli.Result failed = Cli.train(text, folder, "--overfit-one-batch", "--max-iters", 5, "--learning-rate", "1e-9");
        assertEquals(1, failed.exitCode());
        assertTrue(
                failed.err().startsWith("minigpt: The batch is not learnt by heart after 5 steps, its loss went from"),
                failed.err());
    }

    @Test
    void patienceEndsTheRun() {
        // At this rate the loss rises from the first step on.
        Cli.Result result = Cli.train(
                        text,
                        dir.resolve("patience"),
                        "--patience",
                        3,
                        "--eval-interval",
                        1,
                        "--max-iters",
                        50,
                        "--learning-rate",
                        2)
                .assertDone();
        assertTrue(
                result.out().contains("The validation loss has not fallen for 3 evaluations, so the run ended after"),
                result.out());
    }
}
