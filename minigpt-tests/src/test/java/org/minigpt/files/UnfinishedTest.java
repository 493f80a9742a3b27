package org.minigpt.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** What is left of a file or a folder when SIGTERM ends the JVM that writes it. */
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "processes are ended without their hooks there")
class UnfinishedTest {
    @TempDir
    Path dir;

    /** A program that writes, says so, and stays at it for longer than any test. */
    static final class Writer {
        public static void main(String[] args) {
            Path target = Path.of(args[1]);
            switch (args[0]) {
                case "file" -> AtomicFiles.write(target, Writer::stayAtIt);
                case "folder" -> AtomicFolder.write(target, Writer::fill);
                case "new folder" -> AtomicFolder.create(target, Writer::fill);
                default -> {
                    // As a run that is to save its model: a hook waits for the writer.
                    Thread writer = Thread.currentThread();
                    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                        writer.interrupt();
                        try {
                            writer.join();
                        } catch (InterruptedException e) {
                            throw new IllegalStateException(e);
                        }
                    }));
                    AtomicFiles.write(target, Writer::stayAtIt);
                }
            }
        }

        private static void fill(Path folder) throws IOException {
            Files.writeString(folder.resolve("a"), "whole");
            AtomicFiles.write(folder.resolve("b"), Writer::stayAtIt);
        }

        private static void stayAtIt(OutputStream out) throws IOException {
            out.write(new byte[100_000]);
            System.out.println("ready");
            try {
                Thread.sleep(60_000);
            } catch (InterruptedException e) {
                // Finish it.
            }
        }
    }

    private List<String> leftBy(String what) throws Exception {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx64m",
                        "-XX:TieredStopAtLevel=1",
                        "-classpath",
                        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                        Writer.class.getName(),
                        what,
                        dir.resolve("target").toString())
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        try (BufferedReader out = process.inputReader()) {
            assertEquals("ready", out.readLine());
            process.destroy(); // SIGTERM
            assertTrue(process.waitFor(60, TimeUnit.SECONDS));
            assertEquals(128 + 15, process.exitValue());
        } finally {
            process.destroyForcibly();
        }
        try (Stream<Path> files = Files.walk(dir)) {
            return files.map(file -> dir.relativize(file).toString())
                    .filter(name -> !name.isEmpty())
                    .sorted()
                    .toList();
        }
    }

    @Test
    void nothingOfAFile() throws Exception {
        assertEquals(List.of(), leftBy("file"));
    }

    @Test
    void nothingOfAFoldersFiles() throws Exception {
        assertEquals(List.of("target"), leftBy("folder"));
    }

    @Test
    void nothingOfANewFolder() throws Exception {
        assertEquals(List.of(), leftBy("new folder"));
    }

    @Test
    void allOfItWhereTheProgramWaitsForIt() throws Exception {
        assertEquals(List.of("target"), leftBy("held file"));
        assertEquals(100_000, Files.size(dir.resolve("target")));
    }
}
