package org.minigpt.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.train.Trainer;

/**
 * No room in the middle of a file. What stands for the full disk is the shell's limit on how long a file may become.
 */
class FullDiskTest {
    private static final Path SHELL = Path.of("/bin/sh");
    private static final int BLOCK = 512;

    @TempDir
    Path dir;

    @Test
    void theCheckpointsBeforeStayAndNothingElseIsLeft() throws IOException, InterruptedException {
        assumeTrue(Files.isExecutable(SHELL), "there is no shell to set a limit");
        Trainer trainer =
                TinyRun.trainer(KilledRun.config().toBuilder().maxIters(2).build(), 7);
        trainer.addListener(Checkpoints.of(dir, trainer).interval(1).keep(3).build());
        trainer.run();
        Set<Path> before = files();
        long model = Files.size(dir.resolve("iter-00000002/model.safetensors"));
        long optimizer = Files.size(dir.resolve("iter-00000002/optimizer.safetensors"));
        // The model still fits, the moments do not.
        long blocks = (model + optimizer) / 2 / BLOCK;
        assertTrue(model < blocks * BLOCK && blocks * BLOCK < optimizer);

        List<String> command = new ArrayList<>(
                List.of(SHELL.toString(), "-c", "ulimit -f " + blocks + "; exec \"$@\"", SHELL.toString()));
        command.addAll(KilledRun.command(List.of(dir)));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().put("LC_ALL", "C"); // the system's words are in its language
        Process process = builder.start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

        assertEquals(1, process.waitFor(), output);
        String sentence =
                "optimizer.safetensors could not be written (File too large): make room or choose another place,"
                        + " and check its permissions.";
        assertTrue(output.contains(sentence), output);
        assertEquals(before, files());
        assertEquals(2, Checkpoint.last(dir).state().iteration());
        assertEquals(2, KilledRun.resumed(dir).iteration());
    }

    private Set<Path> files() throws IOException {
        try (Stream<Path> files = Files.walk(dir)) {
            return files.collect(Collectors.toCollection(TreeSet::new));
        }
    }
}
