package org.minigpt.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DoctorTest {
    @TempDir
    Path dir;

    /** Whatever could be better here, such as a busy machine. */
    @Test
    void hereItRuns() {
        String found = Cli.run("doctor").assertDone().out();

        for (String line : List.of(
                "good    Java       " + System.getProperty("java.version"),
                "good    natives    ND4J's CPU backend for ",
                "good    kernels    the Vector API's, ",
                "good    libraries  are unpacked to ",
                "good    here       " + Path.of("").toAbsolutePath() + " can be written")) {
            assertTrue(found.contains(System.lineSeparator() + line), line + " in " + found);
        }
        assertFalse(found.contains("bad "), found);
        assertTrue(found.endsWith("minigpt can run here." + System.lineSeparator()), found);
    }

    /** In a JVM that lacks all that it can lack. */
    @Test
    void eachFaultHasARemedy() throws Exception {
        Path file = Files.createFile(dir.resolve("a file"));
        String poor = doctor(
                0,
                List.of(
                        "-Xmx3g",
                        "-XX:MaxRAM=4g",
                        "-Dorg.minigpt.vector=false",
                        "-Dorg.bytedeco.javacpp.maxphysicalbytes=2g"),
                file,
                System.getProperty("java.class.path"));
        assertLine(poor, "better  kernels    plain Java's: start by bin/minigpt, ");
        assertLine(poor, "better  limit      JavaCPP stops the process at 2.1 GB: ");
        assertLine(poor, "better  texts      " + file.resolve("minigpt") + " can't be written (");
        assertTrue(poor.endsWith("minigpt can run here." + System.lineSeparator()), poor);

        String none = doctor(
                1,
                List.of(),
                file,
                Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                        .filter(jar -> !Path.of(jar).getFileName().toString().startsWith("openblas-"))
                        .collect(Collectors.joining(File.pathSeparator)));
        assertLine(none, "bad     natives    ND4J's CPU backend is not whole: add org.bytedeco:openblas:");
        assertTrue(none.endsWith("minigpt can't run here: see what is bad." + System.lineSeparator()), none);
    }

    private static void assertLine(String found, String beginning) {
        assertTrue(found.lines().anyMatch(line -> line.startsWith(beginning)), beginning + " in " + found);
    }

    /** @param cache where the user's texts should be kept */
    private static String doctor(int exitCode, List<String> options, Path cache, String classPath) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-Dorg.bytedeco.javacpp.maxphysicalbytes=0"));
        command.addAll(options);
        command.addAll(List.of("-cp", classPath, MiniGpt.class.getName(), "doctor"));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().put("XDG_CACHE_HOME", cache.toString());
        Process process = builder.start();
        String printed = new String(process.getInputStream().readAllBytes(), UTF_8);
        assertEquals(exitCode, process.waitFor(), printed);
        return printed;
    }
}
