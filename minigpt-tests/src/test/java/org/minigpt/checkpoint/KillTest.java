package org.minigpt.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Random;
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
    private static final int KILLS = 20;

    @TempDir
    Path temp;

    /** Two runs side by side, for the time that a JVM takes to start. */
    @Test
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "it has no signals, nor their exit codes")
    void twentyTimesAtARandomMoment() {
        IntStream.range(0, 2).parallel().forEach(run -> {
            Path dir = temp.resolve("run" + run);
            try {
                killOften(dir, new Random(run));
            } catch (IOException | InterruptedException e) {
                throw new AssertionError(e);
            }
            assertIsTheRunThatNeverStopped(dir);
        });
    }

    private static void killOften(Path dir, Random random) throws IOException, InterruptedException {
        long iteration = 0;
        for (int kill = 0; kill < KILLS / 2; kill++) {
            Process process = new ProcessBuilder(KilledRun.command(dir))
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            try (BufferedReader out = process.inputReader()) {
                assertEquals(KilledRun.READY, out.readLine());
                // A step and its checkpoint take some ten milliseconds, most of them the checkpoint.
                TimeUnit.MICROSECONDS.sleep(random.nextInt(150_000));
            } finally {
                process.destroyForcibly().waitFor();
            }
            assertEquals(128 + 9, process.exitValue(), "it ended by itself");
            long next = Checkpoint.last(dir).state().iteration();
            assertTrue(next > iteration, "it did not come forward from " + iteration + ", but to " + next);
            iteration = next;
        }
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
        assertArrayEquals(
                resumed.optimizer().secondMoment().toFloatVector(),
                straight.optimizer().secondMoment().toFloatVector());
    }
}
