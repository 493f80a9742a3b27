package org.minigpt.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.MiniGptException;
import org.minigpt.data.Batch;
import org.minigpt.io.ModelFolder;
import org.minigpt.io.Safetensors;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.train.AdamWConfig;
import org.minigpt.train.BatchSource;
import org.minigpt.train.EvalReport;
import org.minigpt.train.Evaluator.Losses;
import org.minigpt.train.StepReport;
import org.minigpt.train.TrainConfig;
import org.minigpt.train.TrainListener;
import org.minigpt.train.TrainResult;
import org.minigpt.train.Trainer;
import org.nd4j.linalg.api.ndarray.INDArray;

class CheckpointsTest {
    @TempDir
    Path temp;

    private Path dir;

    @BeforeEach
    void chooseTheFolder() {
        dir = temp.resolve("checkpoints");
    }

    /** Remembers what happened, but for how long it took. */
    private static final class Record implements TrainListener {
        final List<Object> events = new ArrayList<>();

        @Override
        public void onStep(StepReport r) {
            events.add(new StepReport(
                    r.iteration(), r.loss(), r.gradientNorm(), r.learningRate(), r.tokens(), r.skipped(), 0));
        }

        @Override
        public void onEvaluation(EvalReport r) {
            events.add(withoutTime(r));
        }
    }

    private static EvalReport withoutTime(EvalReport r) {
        return new EvalReport(r.iteration(), r.losses(), r.best(), 0);
    }

    static void stopAfter(Trainer trainer, int steps) {
        if (steps == 0) {
            trainer.stop();
        }
        trainer.addListener(new TrainListener() {
            @Override
            public void onStep(StepReport report) {
                if (report.iteration() + 1 == steps) {
                    trainer.stop();
                }
            }
        });
    }

    private Checkpoints.Builder checkpoints(Trainer trainer) {
        return Checkpoints.of(dir, trainer);
    }

    /** Checkpoints of the iterations 1 to {@code steps}. */
    private Trainer saveEachStep(int steps) {
        Trainer trainer = TinyRun.trainer(
                TinyRun.config().maxIters(steps).evalInterval(1000).build(), 7);
        trainer.addListener(checkpoints(trainer).interval(1).keep(100).build()).run();
        return trainer;
    }

    private List<String> names() throws IOException {
        try (Stream<Path> entries = Files.list(dir)) {
            return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
        }
    }

    static void assertSameArrays(Map<String, INDArray> expected, Map<String, INDArray> actual) {
        assertEquals(expected.keySet(), actual.keySet());
        expected.forEach((name, array) -> assertArrayEquals(
                array.dup().data().asFloat(), actual.get(name).dup().data().asFloat(), name));
    }

    static void assertSame(Trainer expected, Trainer actual) {
        assertArrayEquals(
                expected.gpt().flatParameters().toFloatVector(),
                actual.gpt().flatParameters().toFloatVector());
        assertSameArrays(expected.optimizer().state(), actual.optimizer().state());
        assertEquals(expected.iteration(), actual.iteration());
        assertEquals(expected.optimizer().steps(), actual.optimizer().steps());
        assertEquals(expected.state().outliers(), actual.state().outliers());
        assertEquals(expected.state().evaluationsSinceBest(), actual.state().evaluationsSinceBest());
        assertEquals(
                expected.state().lastEvaluation().map(CheckpointsTest::withoutTime),
                actual.state().lastEvaluation().map(CheckpointsTest::withoutTime));
        assertEquals(
                expected.state().bestEvaluation().map(CheckpointsTest::withoutTime),
                actual.state().bestEvaluation().map(CheckpointsTest::withoutTime));
    }

    /** Stopped after each number of steps, with an evaluation before, after and far from it. */
    @Test
    void aResumedRunIsTheRunThatNeverStoppedBitForBit() {
        Record all = new Record();
        Trainer straight = TinyRun.trainer(TinyRun.config().build(), 7);
        straight.addListener(all).run();
        for (int steps = 1; steps <= 9; steps++) {
            dir = temp.resolve("stopped-after-" + steps);
            Record events = new Record();
            Trainer first = TinyRun.trainer(TinyRun.config().build(), 7);
            stopAfter(first, steps);
            first.addListener(events).addListener(checkpoints(first).build()).run();
            assertEquals(steps, first.iteration());

            // The parameters of another seed, all of which must give way.
            Trainer second = TinyRun.trainer(TinyRun.config().build(), 8);
            Checkpoint.last(dir).restore(second);
            assertSame(first, second);
            second.addListener(events).addListener(checkpoints(second).build());
            TrainResult result = second.run();

            assertSame(straight, second);
            assertEquals(all.events, events.events, "stopped after " + steps);
            assertEquals(9, result.iterations());
        }
    }

    @Test
    void aSkippedStepIsStillCountedAfterwards() {
        Batch usual = new Batch(1, 4, new int[] {0, 1, 2, 3}, new int[] {1, 2, 3, 4});
        Batch wrong = new Batch(1, 4, new int[] {0, 1, 2, 3}, new int[] {4, 0, 0, 0});
        BatchSource source = i -> i == 60 ? wrong : usual;
        TrainConfig config = TrainConfig.builder()
                .maxIters(70)
                .learningRate(1e-2)
                .skipOutliers(6)
                .build();
        Trainer straight = new Trainer(tiny(0), source, config);
        assertEquals(1, straight.run().skippedSteps());

        Trainer first = new Trainer(tiny(0), source, config);
        stopAfter(first, 65);
        first.addListener(checkpoints(first).build()).run();
        Trainer second = new Trainer(tiny(1), source, config);
        Checkpoint.last(dir).restore(second);
        assertEquals(1, second.run().skippedSteps());
        assertSame(straight, second);
        assertEquals(69, second.optimizer().steps());
    }

    private static Gpt tiny(long seed) {
        return Gpt.create(
                GptConfig.builder()
                        .vocabSize(5)
                        .blockSize(4)
                        .nLayer(1)
                        .nHead(1)
                        .nEmbd(8)
                        .build(),
                seed);
    }

    @Test
    void theNewestAndTheBestAreKept() throws IOException {
        double[] validation = {9, 3, 2, 4, 5, 6, 1.5, 7};
        int[] calls = {0};
        TrainConfig config = TrainConfig.builder().maxIters(5).evalInterval(1).build();
        BatchSource source = BatchSource.always(new Batch(1, 2, new int[] {0, 1}, new int[] {1, 2}));
        Trainer trainer = new Trainer(tiny(0), source, gpt -> new Losses(1, validation[calls[0]++]), config);
        List<List<String>> seen = new ArrayList<>();
        trainer.addListener(checkpoints(trainer).build()).addListener(new TrainListener() {
            @Override
            public void onEvaluation(EvalReport report) {
                try {
                    seen.add(Files.exists(dir) ? names() : List.of());
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }
        });
        trainer.run();

        assertEquals(
                List.of(
                        List.of(), // a model that is there already gives way to a trained one only
                        List.of("iter-00000001"),
                        List.of("iter-00000001", "iter-00000002"),
                        List.of("iter-00000002", "iter-00000003"),
                        List.of("iter-00000002", "iter-00000003", "iter-00000004"),
                        List.of("iter-00000002", "iter-00000004", "iter-00000005")),
                seen);
        assertEquals(5, Checkpoint.last(dir).state().iteration());
        assertEquals(2, Checkpoint.best(dir).orElseThrow().state().iteration());
        assertEquals(
                2,
                Checkpoint.best(dir)
                        .orElseThrow()
                        .state()
                        .bestEvaluation()
                        .orElseThrow()
                        .validationLoss());
    }

    @Test
    void savesBetweenEvaluationsToo() throws IOException {
        Trainer trainer =
                TinyRun.trainer(TinyRun.config().maxIters(7).evalInterval(4).build(), 7);
        trainer.addListener(checkpoints(trainer).interval(2).keep(9).build()).run();
        assertEquals(List.of("iter-00000002", "iter-00000004", "iter-00000006", "iter-00000007"), names());
        // the one of the iteration that was evaluated knows of it
        Checkpoint fourth = Checkpoint.open(dir.resolve("iter-00000004"));
        assertEquals(4, fourth.state().lastEvaluation().orElseThrow().iteration());
    }

    @Test
    void aCheckpointHoldsWhatItSays() throws IOException {
        Trainer trainer = saveEachStep(1);
        Path checkpoint = dir.resolve("iter-00000001");
        try (Stream<Path> files = Files.list(checkpoint)) {
            assertEquals(
                    List.of("SHA256SUMS", "model.safetensors", "optimizer.safetensors", "state.json"),
                    files.map(file -> file.getFileName().toString()).sorted().toList());
        }
        var moments = Safetensors.read(checkpoint.resolve("optimizer.safetensors"));
        assertTrue(moments.keySet()
                .containsAll(
                        List.of("exp_avg.wte.weight", "exp_avg_sq.wte.weight", "momentum_buffer.h.0.mlp.c_fc.weight")));
        assertSameArrays(trainer.optimizer().state(), moments);
        assertEquals(
                trainer.gpt().parameters().get("wpe.weight"),
                Safetensors.read(checkpoint.resolve(ModelFolder.WEIGHTS)).get("wpe.weight"));
    }

    /** One bit of any file, and every file cut short or missing. */
    @Test
    void damageIsRefusedWithTheNameOfTheOneBefore() throws IOException {
        Random random = new Random(5);
        for (String file : List.of("SHA256SUMS", "model.safetensors", "optimizer.safetensors", "state.json")) {
            for (String damage : List.of("flip", "cut", "remove")) {
                dir = temp.resolve(file + "-" + damage);
                saveEachStep(3);
                Path newest = dir.resolve("iter-00000003");
                Path path = newest.resolve(file);
                byte[] bytes = Files.readAllBytes(path);
                if (damage.equals("flip")) {
                    bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(7));
                    Files.write(path, bytes);
                } else if (damage.equals("cut")) {
                    Files.write(path, Arrays.copyOf(bytes, bytes.length / 2));
                } else {
                    Files.delete(path);
                }
                TreeMap<String, Long> before = sizes();

                String sentence = assertThrows(MiniGptException.class, () -> Checkpoint.last(dir))
                        .getMessage();

                assertTrue(sentence.startsWith("The checkpoint " + newest + " is damaged, "), sentence);
                assertTrue(
                        sentence.endsWith(": go on from the one before, " + dir.resolve("iter-00000002") + "."),
                        sentence);
                assertEquals(before, sizes(), "nothing is changed");
                assertEquals(
                        2, Checkpoint.open(dir.resolve("iter-00000002")).state().iteration());
            }
        }
    }

    private TreeMap<String, Long> sizes() throws IOException {
        TreeMap<String, Long> sizes = new TreeMap<>();
        try (Stream<Path> files = Files.walk(dir)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                sizes.put(dir.relativize(file).toString(), Files.size(file));
            }
        }
        return sizes;
    }

    @Test
    void aDamagedOneIsNotNamedAsTheOneBefore() throws IOException {
        saveEachStep(3);
        flip("iter-00000002");
        flip("iter-00000003");
        assertSentence(
                "The checkpoint " + dir.resolve("iter-00000003")
                        + " is damaged, model.safetensors does not have the checksum in SHA256SUMS: go on from the one"
                        + " before, " + dir.resolve("iter-00000001") + ".",
                () -> Checkpoint.last(dir));
        flip("iter-00000001");
        assertSentence(
                "The checkpoint " + dir.resolve("iter-00000001")
                        + " is damaged, model.safetensors does not have the checksum in SHA256SUMS: there is no sound"
                        + " one before it, so begin anew.",
                () -> Checkpoint.open(dir.resolve("iter-00000001")));
    }

    private void flip(String checkpoint) throws IOException {
        Path file = dir.resolve(checkpoint).resolve("model.safetensors");
        byte[] bytes = Files.readAllBytes(file);
        bytes[bytes.length - 1] ^= 1;
        Files.write(file, bytes);
    }

    /** What a crash leaves of a checkpoint that was being written is not taken for one, and goes with the next. */
    @Test
    void halfWrittenOnesDoNotCount() throws IOException {
        saveEachStep(2);
        Files.createDirectory(dir.resolve(".iter-00000003.creating"));
        Files.writeString(dir.resolve(".iter-00000003.creating").resolve("model.safetensors"), "half");
        assertEquals(2, Checkpoint.last(dir).state().iteration());

        Trainer trainer = TinyRun.trainer(TinyRun.config().build(), 8);
        Checkpoint.last(dir).restore(trainer);
        stopAfter(trainer, 4);
        trainer.addListener(checkpoints(trainer).interval(2).build()).run();
        assertEquals(List.of("iter-00000003", "iter-00000004"), names());
    }

    @Test
    void aFullDiskKeepsTheOldOnes() throws IOException {
        Path full = Path.of("/dev/full");
        assumeTrue(Files.isWritable(full), "only Linux has it");
        Trainer trainer =
                TinyRun.trainer(TinyRun.config().maxIters(5).evalInterval(1000).build(), 7);
        trainer.addListener(checkpoints(trainer)
                .interval(1)
                .model(folder -> {
                    Safetensors.write(
                            folder.resolve("model.safetensors"), trainer.gpt().parameters(), Map.of());
                    if (trainer.iteration() == 3) {
                        Files.write(full, new byte[1]);
                    }
                })
                .build());

        MiniGptException e = assertThrows(MiniGptException.class, trainer::run);

        assertEquals(
                dir.resolve("iter-00000003")
                        + " could not be written (No space left on device): make room or choose another place, and"
                        + " check its permissions.",
                e.getMessage());
        assertEquals(List.of("iter-00000001", "iter-00000002"), names());
        assertEquals(2, Checkpoint.last(dir).state().iteration());
    }

    @Test
    void aNewRunReplacesTheOldOnesOnceItHasSomething() throws IOException {
        saveEachStep(3);
        Trainer other = TinyRun.trainer(TinyRun.config().maxIters(2).build(), 8);
        other.addListener(checkpoints(other).build());
        assertEquals(Optional.empty(), checkpoints(other).build().lastSaved());
        assertEquals(3, names().size());
        other.run();
        assertEquals(List.of("iter-00000002"), names());
        Trainer restored = TinyRun.trainer(TinyRun.config().build(), 9);
        Checkpoint.last(dir).restore(restored);
        assertSame(other, restored);
    }

    @Test
    void aRunThatGoesAnotherWayReplacesTheLaterOnes() throws IOException {
        saveEachStep(5);
        Trainer other = TinyRun.trainer(TinyRun.config().maxIters(4).seed(1).build(), 8);
        Checkpoint.open(dir.resolve("iter-00000002")).restore(other);
        Checkpoints checkpoints = checkpoints(other).keep(9).build();
        assertEquals(Optional.of(dir.resolve("iter-00000002")), checkpoints.lastSaved());
        other.addListener(checkpoints).run();
        assertEquals(List.of("iter-00000001", "iter-00000002", "iter-00000003", "iter-00000004"), names());
        Trainer restored = TinyRun.trainer(TinyRun.config().build(), 9);
        Checkpoint.last(dir).restore(restored);
        assertSame(other, restored);
    }

    @Test
    void parametersThatAreNoNumbersAreNotSaved() throws IOException {
        Trainer trainer = saveEachStep(2);
        Checkpoints checkpoints = checkpoints(trainer).build();
        trainer.gpt().parameters().get("wpe.weight").putScalar(1, 1, Float.NaN);
        assertSentence(
                "the parameters are not finite any more at iteration 2, and the last good checkpoint is "
                        + dir.resolve("iter-00000002")
                        + "; choose a smaller learning rate or clip the gradients to a norm of 1.0",
                checkpoints::save);
        assertEquals(2, names().size());
        Checkpoint.last(dir);
    }

    @Test
    void anotherModelIsRefused() {
        saveEachStep(1);
        Trainer other = new Trainer(tiny(0), iteration -> null, TinyRun.config().build());
        assertSentence(
                dir.resolve("iter-00000001").resolve("optimizer.safetensors")
                        + " has the tensor \"exp_avg.h.1.ln_1.weight\", which this model has not: go on with the model"
                        + " and the optimizer that the checkpoint was saved with.",
                () -> Checkpoint.last(dir).restore(other));
        Gpt wider = Gpt.create(other.gpt().config().toBuilder().nEmbd(16).build(), 0);
        assertSentence(
                dir.resolve("iter-00000001").resolve("optimizer.safetensors")
                        + " has no tensor \"exp_avg.wte.weight\" of type FLOAT and shape [5, 16], which this model"
                        + " needs: go on with the model and the optimizer that the checkpoint was saved with.",
                () -> Checkpoint.last(dir)
                        .restore(new Trainer(
                                wider, iteration -> null, TinyRun.config().build())));
    }

    @Test
    void anotherOptimizerIsRefused() {
        saveEachStep(1);
        Trainer adamW = new Trainer(
                tiny(2),
                iteration -> null,
                TinyRun.config().optimizer(AdamWConfig.nanoGpt()).build());
        INDArray before = adamW.gpt().flatParameters().dup();
        assertSentence(
                dir.resolve("iter-00000001").resolve("optimizer.safetensors")
                        + " has no tensor \"exp_avg.h.0.attn.c_attn.weight\" of type FLOAT and shape [8, 24], which this"
                        + " model needs: go on with the model and the optimizer that the checkpoint was saved with.",
                () -> Checkpoint.last(dir).restore(adamW));
        assertEquals(before, adamW.gpt().flatParameters());
    }

    @Test
    void thereMayBeNone() {
        assertSentence(
                "There is no checkpoint in " + dir + ": check the path, or train without resuming.",
                () -> Checkpoint.last(dir));
        assertSentence(
                "There is no checkpoint " + dir.resolve("x") + ": check the path.",
                () -> Checkpoint.open(dir.resolve("x")));
        assertFalse(Files.exists(dir));
    }

    @Test
    void theNumbersAreChecked() {
        Trainer trainer = TinyRun.trainer(TinyRun.config().build(), 7);
        assertSentence(
                "checkpoints every 1 steps, of which 0 are kept, can't be had; choose an interval of at least 0, and"
                        + " keep at least 1",
                () -> checkpoints(trainer).interval(1).keep(0).build());
    }
}
