package org.minigpt.internal.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The native memory of plans, whatever shapes and threads come by: the figures of docs/performance.md. */
@EnabledOnOs(OS.LINUX) // where the resident memory of a process can be had
@Tag("alone")
class MemoryBoundTest {
    private static final long MB = 1 << 20;

    @TempDir
    private static Path temp;

    /** JVMs whose memory has nothing to do with each other's: two at once. */
    private static final ExecutorService TWO = Executors.newFixedThreadPool(2);

    private static final Map<String, Future<Resident>> RUNS = new HashMap<>();

    @BeforeAll
    static void start() {
        for (String what : List.of("threads", "vocabulary", "layers", "models")) {
            RUNS.put(what, TWO.submit(() -> run(what)));
        }
    }

    @AfterAll
    static void end() {
        TWO.shutdownNow();
    }

    @Test
    void shortLivedThreadsAndManyShapesTakeWhatOneThreadAndOneShapeTakes() throws Exception {
        Resident resident = resident("threads");

        assertTrue(resident.most < 1.3 * resident.base, resident.toString());
    }

    @Test
    void aLargeVocabularyAndManyLengthsStayUnderTheBound() throws Exception {
        Resident resident = resident("vocabulary");

        // The user's own array of the largest logits, 504 · 50257 floats, comes beside what is kept.
        long logits = 4L * 504 * 50257;
        assertTrue(resident.most - resident.base < 1.1 * (256 * MB + logits), resident.toString());
    }

    @Test
    void layersTakeForManyShapesWhatTheyTakeForOne() throws Exception {
        Resident resident = resident("layers");

        assertTrue(resident.most < 1.3 * resident.base, resident.toString());
    }

    @Test
    void closedModelsLeaveNothingBehind() throws Exception {
        Resident resident = resident("models");

        assertTrue(resident.most < resident.base + 32 * MB, resident.toString());
    }

    private record Resident(long base, long most) {
        @Override
        public String toString() {
            return base / MB + " MB at first, then up to " + most / MB + " MB";
        }
    }

    private static Resident resident(String what) throws Exception {
        return RUNS.get(what).get();
    }

    private static Resident run(String what) throws Exception {
        File out = temp.resolve(what + ".out").toFile();
        File err = temp.resolve(what + ".err").toFile();
        Process process = new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xms128m",
                        "-Xmx128m",
                        "-XX:+AlwaysPreTouch",
                        "-XX:+UseSerialGC",
                        "-XX:TieredStopAtLevel=1",
                        "-XX:ActiveProcessorCount=2",
                        "-Dorg.bytedeco.javacpp.maxphysicalbytes=0",
                        "-cp",
                        System.getProperty("java.class.path"),
                        MemoryJvm.class.getName(),
                        what))
                .redirectOutput(out)
                .redirectError(err)
                .start();
        try {
            assertTrue(process.waitFor(240, TimeUnit.SECONDS), "it did not end");
        } finally {
            process.destroyForcibly();
        }
        assertEquals(0, process.exitValue(), () -> read(err));
        String line = Files.readAllLines(out.toPath()).stream()
                .filter(l -> l.startsWith("> "))
                .findFirst()
                .orElseThrow();
        String[] words = line.split(" ");
        return new Resident(Long.parseLong(words[1]), Long.parseLong(words[2]));
    }

    private static String read(File file) {
        try {
            return Files.readString(file.toPath());
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
