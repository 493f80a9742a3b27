package org.minigpt.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code minigpt train} killed at any moment, replaced by other runs in the same folder, and on disks that are full:
 * what remains is the run that nothing disturbed, its parameters and its record, but for times. Several trainings share
 * a JVM, whose end is the end of all of them.
 *
 * <p>{@code -Dminigpt.kills=1000 -Dminigpt.runs=60 -Dminigpt.runsOfJvm=5} kill more than the thirty by which every build
 * is tested.
 */
class RunKillTest {
    private static final int KILLS = Integer.getInteger("minigpt.kills", 30);
    private static final int RUNS = Integer.getInteger("minigpt.runs", 10);
    private static final int RUNS_OF_JVM = Integer.getInteger("minigpt.runsOfJvm", 10);
    private static final int SOFT = 5;
    private static final int REPLACED = 4;
    private static final int EVALUATIONS_OF_ROUND = 2;

    @TempDir
    Path temp;

    private final AtomicInteger hard = new AtomicInteger();
    private final AtomicInteger soft = new AtomicInteger();
    private final AtomicInteger replaced = new AtomicInteger();
    private final AtomicInteger compared = new AtomicInteger();
    private final AtomicInteger full = new AtomicInteger();

    @BeforeEach
    void makeWhatRunsBeginWith() throws IOException {
        Path text = Files.writeString(temp.resolve("text.txt"), "She sells sea shells by the sea shore.\n".repeat(20));
        Cli.train(text, temp.resolve("base"), "--max-iters", 2).assertDone();
    }

    @Test
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "it has no signals, nor their exit codes")
    void whatIsKilledAndGoesOnIsTheRunThatNeverStopped() {
        int lanes = RUNS / RUNS_OF_JVM;
        IntStream.range(0, lanes).parallel().forEach(lane -> {
            try {
                killOften(lane, (KILLS + RUNS - 1) / RUNS);
            } catch (IOException | InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        assertTrue(hard.get() + soft.get() >= KILLS * 9 / 10, "runs ended before they were killed");
    }

    private void killOften(int lane, int rounds) throws IOException, InterruptedException {
        Random random = new Random(lane);
        List<KilledFolder> folders = IntStream.range(0, RUNS_OF_JVM)
                .mapToObj(i -> new KilledFolder(temp, lane * RUNS_OF_JVM + i, EVALUATIONS_OF_ROUND * rounds))
                .toList();
        for (int round = 0; round < rounds; round++) {
            try (TrainingJvm jvm = new TrainingJvm(0, next(folders))) {
                jvm.awaitEvaluations(random.nextInt(2 * EVALUATIONS_OF_ROUND * RUNS_OF_JVM));
                TimeUnit.MICROSECONDS.sleep(random.nextInt(100_000));
                boolean gentle = (lane + round) % SOFT == 0;
                jvm.kill(!gentle);
                int exitCode = jvm.exitCode();
                if (exitCode == 0) { // all had come to their ends: others are killed in their place
                    for (KilledFolder folder : folders) {
                        folder.lookAround();
                        folder.replace();
                        replaced.incrementAndGet();
                    }
                    round--;
                    continue;
                }
                assertEquals(gentle ? 128 + 15 : 128 + 9, exitCode, jvm.output());
                (gentle ? soft : hard).addAndGet(RUNS_OF_JVM);
            }
            for (KilledFolder folder : folders) {
                folder.lookAround();
                if (round + 2 < rounds && random.nextInt(REPLACED) == 0) {
                    folder.replace();
                    replaced.incrementAndGet();
                }
            }
            if (round % 4 == 1) {
                fillDisk(folders, random);
            }
        }
        List<List<String>> all = next(folders);
        folders.forEach(folder -> all.add(folder.undisturbed()));
        assertDone(all);
        for (KilledFolder folder : folders) {
            folder.assertUndisturbed();
            compared.incrementAndGet();
        }
        System.out.printf(
                "%d runs that replaced each other in %d folders were killed %d times by SIGKILL and %d by SIGTERM, and a disk"
                        + " was full %d times; %d folders compared are as if nothing had been%n",
                RUNS + replaced.get(), RUNS, hard.get(), soft.get(), full.get(), compared.get());
    }

    /** The disk is full in the middle of a file. */
    private void fillDisk(List<KilledFolder> folders, Random random) throws IOException, InterruptedException {
        try (TrainingJvm jvm = new TrainingJvm(2 + random.nextInt(60), next(folders))) {
            int exitCode = jvm.exitCode();
            assertTrue(exitCode == 0 || exitCode == 1, jvm.output());
            assertTrue(exitCode == 0 || jvm.output().contains("File too large"), jvm.output());
            full.addAndGet((int) jvm.output()
                    .lines()
                    .filter(line -> line.contains("File too large"))
                    .count());
        }
        for (KilledFolder folder : folders) {
            folder.lookAround();
        }
    }

    private static List<List<String>> next(List<KilledFolder> folders) throws IOException {
        List<List<String>> commands = new ArrayList<>();
        for (KilledFolder folder : folders) {
            commands.add(folder.next());
        }
        return commands;
    }

    private static void assertDone(List<List<String>> commands) throws IOException, InterruptedException {
        try (TrainingJvm jvm = new TrainingJvm(0, commands)) {
            assertEquals(0, jvm.exitCode(), jvm.output());
        }
    }
}
