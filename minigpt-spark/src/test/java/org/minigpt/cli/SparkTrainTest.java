package org.minigpt.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.io.ModelFolder;
import org.minigpt.spark.ClusterHome;

/** {@code minigpt train} with this module on the class path, as spark-submit has it. */
class SparkTrainTest {
    @TempDir
    private Path dir;

    private Path text;

    @BeforeAll
    static void configure() {
        ClusterHome.settings().forEach(System::setProperty); // what spark-submit does
    }

    @AfterAll
    static void forget() {
        ClusterHome.settings().keySet().forEach(System::clearProperty);
    }

    private int train(String out, String... more) throws IOException {
        text = Files.writeString(dir.resolve("text"), "She sells sea shells by the sea shore.\n".repeat(30));
        List<String> args = new ArrayList<>(List.of("train", "--data", text.toString(), "--out-dir", path(out)));
        Map.of("--n-layer", "1", "--n-head", "2", "--n-embd", "8", "--block-size", "8", "--batch-size", "4")
                .forEach((option, value) -> args.addAll(List.of(option, value)));
        args.addAll(List.of("--eval-interval", "10", "--eval-iters", "1", "--sample-tokens", "3", "--no-peak"));
        args.addAll(List.of(more));
        return MiniGpt.execute(args.toArray(String[]::new));
    }

    private String path(String out) {
        return dir.resolve(out).toString();
    }

    private byte[] weights(String out) throws IOException {
        return Files.readAllBytes(dir.resolve(out).resolve(ModelFolder.WEIGHTS));
    }

    private static String[] onCluster(String... more) {
        List<String> all = new ArrayList<>(List.of("--spark-master", "local-cluster[2,1,1024]"));
        all.addAll(List.of(more));
        return all.toArray(String[]::new);
    }

    @Test
    void exactRunsHaveTheBitsOfReplicasHere() throws IOException {
        assertEquals(0, train("here", "--max-iters", "20", "--replicas", "3"));
        assertEquals(
                0,
                train("there", onCluster("--mode", "exact", "--max-iters", "20", "--replicas", "3", "--workers", "2")));

        assertArrayEquals(weights("here"), weights("there"));
    }

    @Test
    void localRunsGoOnFromTheirCheckpoints() throws IOException {
        String[] rounds = onCluster("--local-steps", "5");
        List<String> forty = new ArrayList<>(List.of(rounds));
        forty.addAll(List.of("--max-iters", "40"));
        assertEquals(0, train("whole", forty.toArray(String[]::new)));
        List<String> twenty = new ArrayList<>(List.of(rounds));
        twenty.addAll(List.of("--max-iters", "20"));
        assertEquals(0, train("parts", twenty.toArray(String[]::new)));

        assertEquals(0, MiniGpt.execute("train", "--resume", path("parts"), "--max-iters", "40", "--no-peak"));

        assertArrayEquals(weights("whole"), weights("parts"));
        assertTrue(Files.exists(dir.resolve("parts/checkpoints/iter-00000040").resolve("worker-00001.safetensors")));
    }
}
