package org.minigpt.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.checkpoint.CheckpointsTest.assertSame;
import static org.minigpt.checkpoint.CheckpointsTest.stopAfter;
import static org.minigpt.testing.Sentences.assertSentence;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.MiniGptException;
import org.minigpt.files.AtomicFolder;
import org.minigpt.train.Trainer;

/** What is found in a folder after crashes, by other runs and versions, and with what other programs put there. */
class CheckpointFolderTest {
    @TempDir
    Path temp;

    private Path dir;

    @BeforeEach
    void chooseTheFolder() {
        dir = temp.resolve("checkpoints");
    }

    /** Checkpoints of the iterations 1 to {@code steps}. */
    private Trainer saveEachStep(int steps) {
        Trainer trainer = TinyRun.trainer(
                TinyRun.config().maxIters(steps).evalInterval(1000).build(), 7);
        trainer.addListener(Checkpoints.of(dir, trainer).interval(1).keep(100).build())
                .run();
        return trainer;
    }

    private List<String> names() throws IOException {
        try (Stream<Path> entries = Files.list(dir)) {
            return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
        }
    }

    private Map<String, Long> sizes() throws IOException {
        Map<String, Long> sizes = new TreeMap<>();
        try (Stream<Path> files = Files.walk(dir)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                sizes.put(dir.relativize(file).toString(), Files.size(file));
            }
        }
        return sizes;
    }

    /** The system was between two renamings: the old folder had gone aside, the new one was not in its place. */
    @Test
    void aCrashWhileOneIsReplacedLeavesTheOldOne() throws IOException {
        Trainer trainer = saveEachStep(3);
        for (String other : List.of("iter-00000001", "iter-00000002")) {
            AtomicFolder.delete(dir.resolve(other));
        }
        Path aside = dir.resolve(".iter-00000003.replaced");
        Files.move(dir.resolve("iter-00000003"), aside);
        Files.createDirectory(dir.resolve(".iter-00000003.creating"));
        Map<String, Long> before = sizes();

        Checkpoint found = Checkpoint.last(dir);
        assertEquals(aside, found.path());
        Trainer restored = TinyRun.trainer(TinyRun.config().build(), 8);
        found.restore(restored);
        assertSame(trainer, restored);
        assertEquals(before, sizes(), "who looks changes nothing");

        // It is still there when the next cannot be saved.
        restored.addListener(Checkpoints.of(dir, restored)
                .interval(1)
                .keep(1)
                .model(folder -> {
                    throw new IOException("No space left on device");
                })
                .build());
        assertThrows(MiniGptException.class, restored::run);
        assertEquals(3, Checkpoint.last(dir).state().iteration());
        assertEquals(List.of("iter-00000003"), names());
    }

    /** What a crash leaves when a new run has saved its first and the old ones are not deleted yet. */
    @Test
    void theRunThatBeganLastIsFound() throws IOException {
        saveEachStep(5);
        Path old = Files.move(dir, temp.resolve("old"));
        Trainer other = TinyRun.trainer(TinyRun.config().maxIters(4).build(), 8);
        stopAfter(other, 2);
        other.addListener(Checkpoints.of(dir, other).build()).run();
        for (String left : List.of("iter-00000004", "iter-00000005")) {
            Files.move(old.resolve(left), dir.resolve(left));
        }
        Instant began = other.state().started();

        assertEquals(2, Checkpoint.last(dir).state().iteration());
        assertEquals(began, Checkpoint.last(dir).state().started());
        assertEquals(2, Checkpoint.last(dir, began).orElseThrow().state().iteration());
        Checkpoint oldest = Checkpoint.open(dir.resolve("iter-00000005"));
        assertTrue(oldest.state().started().isBefore(began));
        assertEquals(oldest, Checkpoint.last(dir, oldest.state().started()).orElseThrow());
        assertEquals(Optional.empty(), Checkpoint.last(dir, Instant.EPOCH));

        // The run goes on as itself, and when it has saved the rest is deleted.
        Trainer resumed = TinyRun.trainer(TinyRun.config().maxIters(4).build(), 9);
        Checkpoint.last(dir).restore(resumed);
        assertEquals(began, resumed.state().started());
        resumed.addListener(Checkpoints.of(dir, resumed).build()).run();
        assertEquals(List.of("iter-00000003", "iter-00000004"), names());
        assertEquals(began, Checkpoint.last(dir).state().started());
    }

    /** A checkpoint of the first version did not tell when its run began. */
    @Test
    void checkpointsOfTheFirstVersionAreRead() throws IOException {
        saveEachStep(2);
        rewriteState(text ->
                text.replace("\"version\" : 2", "\"version\" : 1").replaceFirst("  \"started\" : \"[^\"]*\",\n", ""));
        assertEquals(1, Checkpoint.last(dir).state().iteration(), "that tells, and began later");
        AtomicFolder.delete(dir.resolve("iter-00000001"));
        assertEquals(2, Checkpoint.last(dir).state().iteration());
        assertEquals(Instant.EPOCH, Checkpoint.last(dir).state().started());
    }

    private void rewriteState(UnaryOperator<String> change) throws IOException {
        Path newest = dir.resolve("iter-00000002");
        Path file = newest.resolve("state.json");
        Files.writeString(file, change.apply(Files.readString(file)));
        Files.delete(newest.resolve("SHA256SUMS"));
        Checksums.write(newest);
    }

    /** Sound by its checksums, and yet no state. */
    @Test
    void aStateWithoutItsPartsIsASentence() throws IOException {
        saveEachStep(2);
        Path file = dir.resolve("iter-00000002").resolve("state.json");
        String sound = Files.readString(file);
        Map<String, String> changes = Map.of(
                "\"outliers\" : \\{", "\"outliers\" : null, \"x\" : {",
                "(?s)\"outliers\" : .*", "\"outliers\" : null }",
                "(?s)\"loss\" : \\{.*?\\}", "\"loss\" : null",
                "\"started\" : \"[^\"]*\"", "\"started\" : null",
                "\"started\" : \"", "\"started\" : \"on a day like ",
                "\"iteration\" : 2", "\"iteration\" : null",
                "(?s)^.*$", "null");
        for (Map.Entry<String, String> change : changes.entrySet()) {
            Files.writeString(file, sound);
            rewriteState(text -> text.replaceFirst(change.getKey(), change.getValue()));
            assertNotEquals(sound, Files.readString(file));
            String sentence = assertThrows(MiniGptException.class, () -> Checkpoint.last(dir))
                    .getMessage();
            assertTrue(sentence.startsWith(file + " is "), sentence);
        }
    }

    /** Looking at a folder is no damage. */
    @Test
    void filesOfFileManagersArePassedOver() throws IOException {
        saveEachStep(2);
        Path newest = dir.resolve("iter-00000002");
        for (String name : List.of(".DS_Store", "._model.safetensors", "Thumbs.db", "desktop.ini", ".directory")) {
            Files.writeString(newest.resolve(name), "put here by a program that shows folders");
            Files.writeString(dir.resolve(name), "and here");
        }
        Files.createDirectory(newest.resolve("@eaDir"));
        assertEquals(2, Checkpoint.last(dir).state().iteration());
        Files.writeString(newest.resolve("tokenizer.json"), "{}");
        assertSentence(
                "The checkpoint " + newest
                        + " is damaged, tokenizer.json is not in SHA256SUMS: go on from the one before, "
                        + dir.resolve("iter-00000001") + ".",
                () -> Checkpoint.last(dir));
        // They go with the checkpoint.
        AtomicFolder.delete(newest);
        assertEquals(1, Checkpoint.last(dir).state().iteration());
    }
}
