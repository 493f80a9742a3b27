package org.minigpt.cli.bench;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.minigpt.MiniGptException;
import org.minigpt.cli.MiniGpt;

/** The sweep with one length, which is one JVM. */
class AttentionSweepTest {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ResultLines lines = new ResultLines(new PrintStream(out, true, UTF_8));

    private static AttentionSweep sweep(int steps) {
        return new AttentionSweep(
                MiniGpt.class, List.of("bench", "--n-layer", "1", "--rounds", "1", "--steps", String.valueOf(steps)));
    }

    @Test
    void printsTimeAndMemoryOfALength() {
        sweep(1).run(List.of(64), lines);

        assertTrue(
                out.toString(UTF_8)
                        .matches("train_ms_per_step_T64 \\d+\\.\\d{3}\\R(peak_memory_mb_T64 \\d+\\.\\d\\R)?"),
                out.toString(UTF_8));
    }

    @Test
    void aJvmThatFailsIsNamed() {
        AttentionSweep sweep = sweep(0);

        MiniGptException e = assertThrows(MiniGptException.class, () -> sweep.run(List.of(128), lines));
        assertEquals(
                "The measurement of T = 128 ended with exit code 1: mend what it complains of above.", e.getMessage());
    }
}
