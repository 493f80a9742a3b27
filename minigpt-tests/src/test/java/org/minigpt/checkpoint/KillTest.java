package org.minigpt.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.checkpoint.CheckpointsTest.assertSameArrays;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.train.StepReport;
import org.minigpt.train.TrainListener;
import org.minigpt.train.Trainer;

/** kill -9 at any moment: what is there opens and goes on, as if nothing had happened. */
class KillTest {
    private static final int RUNS = 5;
    private static final int KILLS = 4;

    @TempDir
    Path temp;

    /** Several runs share a JVM, for the time that one takes to start: its end comes to each at another moment. */
    @Test
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "it has no signals, nor their exit codes")
    void twentyTimesAtARandomMoment() throws IOException, InterruptedException {
        List<Path> dirs = IntStream.range(0, RUNS)
                .mapToObj(run -> temp.resolve("run" + run))
                .toList();
        Random random = new Random(0);
        Map<Path, Long> iterations = new HashMap<>();
        for (int kill = 0; kill < KILLS; kill++) {
            kill(dirs, random);
            for (Path dir : dirs) {
                long next = Checkpoint.last(dir).state().iteration();
                long before = iterations.getOrDefault(dir, 0L);
                assertTrue(next > before, dir + " did not come forward from " + before + ", but to " + next);
                iterations.put(dir, next);
            }
        }
        dirs.forEach(KillTest::assertIsTheRunThatNeverStopped);
    }

    private static void kill(List<Path> dirs, Random random) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(KilledRun.command(dirs))
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        try (BufferedReader out = process.inputReader()) {
            Set<String> waiting = new HashSet<>();
            dirs.forEach(dir -> waiting.add(KilledRun.READY + dir));
            while (!waiting.isEmpty()) {
                String line = out.readLine();
                assertNotNull(line, () -> "it ended by itself without " + waiting);
                waiting.remove(line);
            }
            // A step and its checkpoint take some ten milliseconds, most of them the checkpoint.
            TimeUnit.MICROSECONDS.sleep(random.nextInt(150_000));
        } finally {
            process.destroyForcibly().waitFor();
        }
        assertEquals(128 + 9, process.exitValue(), "it ended by itself");
    }

    private static void assertIsTheRunThatNeverStopped(Path dir) {
        Trainer resumed = KilledRun.resumed(dir);
        Trainer straight = TinyRun.trainer(KilledRun.config(), 7);
        straight.addListener(new TrainListener() {
            @Override
            public void onStep(StepReport report) {
                if (report.iteration() + 1 == resumed.iteration()) {
                    straight.stop();
                }
            }
        });
        straight.run();

        assertEquals(resumed.iteration(), straight.iteration());
        assertEquals(resumed.optimizer().steps(), straight.optimizer().steps());
        assertEquals(resumed.state().outliers(), straight.state().outliers());
        assertArrayEquals(
                resumed.gpt().flatParameters().toFloatVector(),
                straight.gpt().flatParameters().toFloatVector());
        assertSameArrays(resumed.optimizer().state(), straight.optimizer().state());
    }
}
