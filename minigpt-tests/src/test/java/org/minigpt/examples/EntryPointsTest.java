package org.minigpt.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * Whatever a program begins with, OpenBLAS runs the kernels that this library chooses. They are chosen by name here,
 * for OpenBLAS would never choose those of 2008 itself: an entry point that had it loaded too early would show.
 */
@EnabledOnOs(value = OS.LINUX, architectures = "amd64")
class EntryPointsTest {
    private static final String CHOICE = "-Dorg.minigpt.openblas.coretype=Nehalem";

    @TempDir
    Path dir;

    /** What starts the JVMs. */
    private List<String> shell = List.of();

    @Test
    void allHaveTheSameKernels() throws Exception {
        EntryPoints.writeFiles(dir);
        // One leaves the classes that it has loaded to the others, which start sooner so, if the JVM can do that.
        List<String> classPath = jars();
        Path archive = dir.resolve("classes.jsa");
        kernels("-XX:ArchiveClassesAtExit=" + archive, classPath, "layers behind a seed");
        ExecutorService two = Executors.newFixedThreadPool(2);
        try {
            Map<String, Future<String>> kernels = new TreeMap<>();
            EntryPoints.all()
                    .keySet()
                    .forEach(name -> kernels.put(
                            name, two.submit(() -> kernels("-XX:SharedArchiveFile=" + archive, classPath, name))));
            Map<String, String> expected = new TreeMap<>();
            Map<String, String> found = new TreeMap<>();
            for (String name : kernels.keySet()) {
                expected.put(name, "Nehalem");
                found.put(name, kernels.get(name).get());
            }
            assertTrue(found.size() > 40, found.toString());
            assertEquals(expected, found);
        } finally {
            two.shutdownNow();
        }
    }

    /** Here something has loaded OpenBLAS without ND4J: what it runs can't be changed any more. */
    @Test
    void whereItIsTooLateOneWarningNamesTheRemedy() throws Exception {
        List<String> said = said(List.of(CHOICE, "-Dlate=true"), all());

        assertEquals(2, said.size(), said.toString());
        assertTrue(said.get(0).contains("WARN"), said.get(0));
        assertTrue(said.get(0).contains("not the Nehalem ones"), said.get(0));
        assertTrue(said.get(0).contains("Call MiniGptRuntime.install() before"), said.get(0));
        assertTrue(said.get(0).contains("OPENBLAS_CORETYPE=Nehalem"), said.get(0));
    }

    /** JNA, by which they are chosen, wants to unpack 100 KB for each JVM. */
    @Test
    void inTimeThereIsNothingToWarnOfEvenIfTheDiskIsFull() throws Exception {
        assertEquals(List.of("Nehalem, threads 1"), said(List.of(CHOICE), all()));

        shell = List.of("/bin/sh", "-c", "ulimit -f 16; exec \"$@\"", "/bin/sh");
        assertEquals(List.of("Nehalem, threads 1"), said(List.of(CHOICE), all()));
    }

    /**
     * A jar put together of others may keep one of two files of the same name: here this library's list of backends.
     */
    @Test
    void ofTwoListsOfBackendsOneIsEnough() throws Exception {
        Path unpacked = Files.createDirectory(dir.resolve("nd4j-native"));
        String backend = all().stream()
                .filter(entry -> entry.matches(".*nd4j-native-1[^/]*M2\\.1\\.jar"))
                .findFirst()
                .orElseThrow();
        try (FileSystem jar = FileSystems.newFileSystem(Path.of(backend))) {
            copy(jar.getPath("/"), unpacked);
        }
        Files.delete(unpacked.resolve("META-INF/services/org.nd4j.linalg.factory.Nd4jBackend"));
        List<String> classPath = all().stream()
                .map(entry -> entry.equals(backend) ? unpacked.toString() : entry)
                .toList();

        assertEquals(List.of("Nehalem, threads 3"), said(List.of(CHOICE, "-Dorg.minigpt.blas.threads=3"), classPath));
    }

    @Test
    void whatIsMissingOfTheBackendIsNamed() throws Exception {
        assertEquals(
                "ND4J's CPU backend is not whole: add org.bytedeco:openblas:0.3.19-1.5.7:linux-x86_64,"
                        + " org.bytedeco:javacpp:1.5.7:linux-x86_64 to the class path",
                refusal("(openblas|javacpp)-.*linux.*"));
        assertEquals(
                "ND4J's CPU backend is not whole: add org.nd4j:nd4j-native:1.0.0-M2.1,"
                        + " org.nd4j:nd4j-native:1.0.0-M2.1:linux-x86_64 to the class path",
                refusal("nd4j-native-1.*"));
    }

    /** @return what is said if the jars of this name are left out */
    private String refusal(String jars) throws Exception {
        return said(
                        List.of(),
                        all().stream()
                                .filter(entry ->
                                        !Path.of(entry).getFileName().toString().matches(jars))
                                .toList())
                .get(0);
    }

    private static List<String> all() {
        return List.of(System.getProperty("java.class.path").split(File.pathSeparator));
    }

    /** @return the class path with its folders as jars, of which alone there are archives of classes */
    private List<String> jars() {
        List<String> jars = new ArrayList<>();
        for (String entry : all()) {
            String jar = entry;
            if (Files.isDirectory(Path.of(entry))) {
                jar = dir.resolve(jars.size() + ".jar").toString();
                ToolProvider tool = ToolProvider.findFirst("jar").orElseThrow();
                assertEquals(0, tool.run(System.out, System.err, "-c0f", jar, "-C", entry, "."));
            }
            jars.add(jar);
        }
        return jars;
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.toList()) {
                Path copy = to.resolve(from.relativize(file).toString());
                if (Files.isDirectory(file)) {
                    Files.createDirectories(copy);
                } else {
                    Files.copy(file, copy);
                }
            }
        }
    }

    /** @return what an {@link InstallJvm} says, and warnings of OpenBLAS */
    private List<String> said(List<String> options, List<String> classPath) throws Exception {
        return jvm(options, classPath, InstallJvm.class)
                .lines()
                .filter(line -> line.startsWith("> ") || line.contains("OpenBLAS"))
                .map(line -> line.replaceFirst("^> ", ""))
                .toList();
    }

    private String kernels(String option, List<String> classPath, String entryPoint)
            throws IOException, InterruptedException {
        return jvm(List.of(CHOICE, option), classPath, EntryPointJvm.class, dir.toString(), entryPoint)
                .lines()
                .filter(line -> line.startsWith("> "))
                .map(line -> line.substring(2))
                .findFirst()
                .orElse("nothing");
    }

    /** @return what a JVM prints to both streams */
    private String jvm(List<String> options, List<String> classPath, Class<?> main, String... args)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(shell);
        command.addAll(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m",
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-Dorg.bytedeco.javacpp.maxphysicalbytes=0",
                "-Djava.awt.headless=true"));
        command.addAll(options);
        command.addAll(List.of("-cp", String.join(File.pathSeparator, classPath), main.getName()));
        command.addAll(List.of(args));
        Path printed = Files.createTempFile(dir, "printed", "");
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(printed.toFile());
        builder.environment().remove("OPENBLAS_CORETYPE");
        Process process = builder.start();
        try {
            process.getOutputStream().close();
            assertTrue(process.waitFor(60, TimeUnit.SECONDS), () -> String.join(" ", args) + " does not end");
        } finally {
            process.destroyForcibly();
        }
        return Files.readString(printed);
    }
}
