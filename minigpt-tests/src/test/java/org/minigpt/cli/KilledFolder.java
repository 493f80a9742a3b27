package org.minigpt.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.minigpt.MiniGptException;
import org.minigpt.checkpoint.Checkpoint;

/** A folder in which one run after the other trains, is killed, and goes on. */
final class KilledFolder {
    private static final JsonMapper JSON = new JsonMapper();

    private final Path work;
    private final Path text;
    private final Path dir;
    private final int evaluations;
    private final Random random;
    private final boolean adapters;
    private int runs;
    private List<String> run = List.of();
    private Path reference;
    private Optional<String> ownerBefore = Optional.empty();
    private boolean begins;

    /**
     * @param base a folder with a model for adapters, "base", and a text, "text.txt"
     * @param evaluations that a run is to have
     */
    KilledFolder(Path base, int number, int evaluations) {
        work = base;
        text = base.resolve("text.txt");
        dir = base.resolve("killed-" + number);
        random = new Random(number);
        adapters = number % 5 == 4;
        this.evaluations = evaluations;
        reference = reference(number);
        choose();
    }

    private Path reference(int number) {
        return work.resolve("undisturbed-" + dir.getFileName() + "-" + number);
    }

    /** The options of the next run. */
    private void choose() {
        int interval = 2 + random.nextInt(3);
        runs++;
        reference = reference(runs);
        List<Object> options = new ArrayList<>(List.of("train", "--data", text, "--seed", runs, "--replicas", 1));
        if (adapters && runs % 2 == 1) {
            options.addAll(List.of("--init-from", work.resolve("base"), "--lora-rank", 2));
        } else {
            options.addAll(List.of("--n-layer", 1, "--n-head", 2, "--n-embd", 8, "--block-size", 8));
        }
        options.addAll(
                List.of("--batch-size", 2, "--eval-iters", 1, "--no-peak", "--sample-tokens", random.nextInt(3)));
        options.addAll(List.of("--eval-interval", interval, "--max-iters", interval * evaluations - random.nextInt(2)));
        options.addAll(
                List.of("--checkpoint-interval", random.nextInt(4), "--keep-checkpoints", 1 + random.nextInt(2)));
        options.addAll(
                List.of("--grad-clip", random.nextBoolean() ? 1 : 0, "--dropout", random.nextBoolean() ? 0.1 : 0));
        options.addAll(List.of("--gradient-accumulation-steps", 1 + random.nextInt(2)));
        options.addAll(List.of("--skip-outliers", random.nextBoolean() ? 2 : 0));
        options.addAll(List.of("--sampling", random.nextBoolean() ? "epoch" : "random"));
        run = List.of(Cli.strings(options.toArray()));
        begins = true;
    }

    /** The present run where nothing disturbs it. */
    List<String> undisturbed() {
        return to(reference);
    }

    private List<String> to(Path folder) {
        List<String> command = new ArrayList<>(run);
        command.addAll(List.of("--out-dir", folder.toString()));
        return command;
    }

    /** Another run is to take the place of the present one. */
    void replace() {
        choose();
    }

    /** The run from its beginning, or on from where it was. */
    List<String> next() throws IOException {
        ownerBefore = owner();
        return begins ? to(dir) : List.of("train", "--resume", dir.toString());
    }

    /**
     * Asserts what a kill has left: a checkpoint of the present run, which would go on from there; or none of it yet,
     * and if it had begun, a sentence instead of an earlier run.
     */
    void lookAround() throws IOException {
        if (ownCheckpoint().isPresent()) {
            begins = false;
            Path resumed = Resumption.of(dir).checkpoint().path();
            assertTrue(isOwn(resumed), () -> "another run would go on from " + resumed + ": " + run);
            return;
        }
        assertTrue(begins, () -> "the checkpoints of " + dir + " are gone: " + run);
        Optional<String> owner = owner();
        if (owner.isPresent() && !owner.equals(ownerBefore)) {
            String sentence = assertThrows(MiniGptException.class, () -> Resumption.of(dir))
                    .getMessage();
            assertTrue(
                    sentence.startsWith("There is no checkpoint in ")
                            || sentence.contains(" that began at " + owner.get() + " was killed before its first")
                                    && sentence.contains("; those there are of the run that began at "),
                    sentence);
        }
    }

    private Optional<Path> ownCheckpoint() throws IOException {
        if (!Files.isDirectory(checkpoints())) {
            return Optional.empty();
        }
        try (Stream<Path> all = Files.list(checkpoints())) {
            return all.filter(path -> path.getFileName().toString().matches("iter-.*|\\.iter-.*\\.replaced"))
                    .filter(this::isOwn)
                    .findFirst();
        }
    }

    private boolean isOwn(Path checkpoint) {
        return read(checkpoint.resolve("train.properties")).contains("\nseed = " + runs + "\n");
    }

    private Path checkpoints() {
        return dir.resolve("checkpoints");
    }

    private Optional<String> owner() {
        return RunLock.owner(dir).map(RunLock.Owner::run);
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** Asserts that the folder is what the undisturbed run has left, but for times. */
    void assertUndisturbed() throws IOException {
        String what = dir + " is not " + reference + ": " + run;
        assertEquals(names(reference), names(dir), what);
        for (Path file : files(reference)) {
            Path other = dir.resolve(reference.relativize(file));
            String name = file.getFileName().toString();
            switch (name) {
                case "metrics.csv" -> assertEquals(csv(file), csv(other), what);
                case "metrics.jsonl" -> assertEquals(lines(file), lines(other), what);
                case "run.json" -> assertEquals(withoutTimes(file), withoutTimes(other), what);
                default -> assertArrayEquals(Files.readAllBytes(file), Files.readAllBytes(other), name + ": " + what);
            }
        }
        Path last = Checkpoint.last(reference.resolve("checkpoints")).path();
        Path same = Checkpoint.last(checkpoints()).path();
        assertEquals(last.getFileName(), same.getFileName(), what);
        for (String name : List.of("model.safetensors", "optimizer.safetensors")) {
            assertArrayEquals(
                    Files.readAllBytes(last.resolve(name)), Files.readAllBytes(same.resolve(name)), name + ": " + what);
        }
        assertEquals(withoutTimes(last.resolve("state.json")), withoutTimes(same.resolve("state.json")), what);
    }

    private static List<Path> files(Path dir) throws IOException {
        try (Stream<Path> files = Files.walk(dir)) {
            return files.filter(Files::isRegularFile)
                    .filter(file -> !file.startsWith(dir.resolve("checkpoints")))
                    .toList();
        }
    }

    private static List<String> names(Path dir) throws IOException {
        return files(dir).stream()
                .map(file -> dir.relativize(file).toString())
                .sorted()
                .toList();
    }

    private static List<String> csv(Path file) throws IOException {
        // Without seconds and tokens a second, the fourth and the tenth.
        return Files.readAllLines(file).stream()
                .map(row -> row.replaceFirst("^((?:[^,]*,){3})[^,]*,((?:[^,]*,){5})[^,]*,", "$1,$2,"))
                .toList();
    }

    private static List<String> lines(Path file) throws IOException {
        List<String> lines = new ArrayList<>();
        for (String line : Files.readAllLines(file)) {
            lines.add(without(JSON.readTree(line)).toString());
        }
        return lines;
    }

    private static String withoutTimes(Path file) throws IOException {
        return without(JSON.readTree(file.toFile())).toString();
    }

    private static JsonNode without(JsonNode node) {
        if (node instanceof ObjectNode object) {
            object.remove(List.of("started", "seconds", "tokens_per_second", "peak_memory_mb", "nanos"));
        }
        node.forEach(KilledFolder::without);
        return node;
    }
}
