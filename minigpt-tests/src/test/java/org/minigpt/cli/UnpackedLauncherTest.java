package org.minigpt.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code bin/minigpt} in the layout of an archive, with scripts in the place of Java that print what they are called with.
 * minigpt-tests/bin/windows-launcher does the same for {@code bin\minigpt.cmd}.
 */
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "bin/minigpt is a shell script")
class UnpackedLauncherTest {
    private static final String INSTALL = "install Java 17 or newer and set JAVA_HOME to it.\n";
    /** Prints its process, its locale and its arguments. */
    private static final String PRINTING = "printf '%s\\n' $$ \"$LC_ALL\" \"$@\"";

    @TempDir
    Path dir;

    private Path home;
    private Path bin;
    private Path tools;

    @BeforeEach
    void unpack() throws IOException {
        home = Files.createDirectories(dir.toRealPath().resolve("Größe 1"));
        bin = Files.createDirectory(home.resolve("bin")).resolve("minigpt");
        Files.createDirectory(home.resolve("lib"));
        for (String jar : List.of("a.jar", "b c.jar")) {
            Files.createFile(home.resolve("lib").resolve(jar));
        }
        for (String name : List.of("minigpt", "jvm.options")) {
            Files.copy(Launcher.BIN.resolveSibling(name), bin.resolveSibling(name));
        }
        assertTrue(bin.toFile().setExecutable(true));
        // All that the launcher calls, and no Java.
        tools = Files.createDirectory(dir.resolve("tools"));
        for (String tool : List.of("sh", "env", "cat", "dirname", "readlink", "uname")) {
            Path place = Path.of("/bin", tool);
            Files.createSymbolicLink(
                    tools.resolve(tool),
                    Files.exists(place) ? place : Path.of("/usr/bin").resolve(tool));
        }
    }

    /** @param release what the file beside bin says, or null if there is none */
    private static void putJava(Path home, String release, String script) throws IOException {
        Path java = Files.createDirectories(home.resolve("bin")).resolve("java");
        Files.writeString(java, "#!/bin/sh\n" + script + "\n");
        assertTrue(java.toFile().setExecutable(true));
        if (release != null) {
            Files.writeString(home.resolve("release"), release);
        }
    }

    private static String version(String version) {
        return "IMPLEMENTOR=\"Somebody\"\nJAVA_VERSION=\"" + version + "\"\nMODULES=\"java.base\"\n";
    }

    private String run(int exitCode, Path start, String javaHome, String path) throws Exception {
        Map<String, String> environment = Map.of(
                "JAVA_HOME", javaHome,
                "PATH", path,
                "LC_ALL", "POSIX",
                "MINIGPT_ARCHIVE", "off",
                "MINIGPT_OPTS", "-Xmx1g -ea");
        try (Launcher launcher = Launcher.start(start, dir, environment, "sample", "--prompt", "s – 's")) {
            assertEquals(exitCode, launcher.exitCode(), launcher.err());
            return launcher.out().replaceFirst("^" + launcher.pid() + "\n", "PID\n") + launcher.err();
        }
    }

    /** What Java is called with; it is the launcher's own process, which signals reach. */
    private String called() {
        String locale = OS.current() == OS.MAC ? "en_US.UTF-8" : "C.UTF-8";
        return String.join(
                "\n",
                "PID",
                locale,
                "@" + home + "/bin/jvm.options",
                "-Xmx1g",
                "-ea",
                "-Dorg.minigpt.launcher=" + home + "/bin/minigpt",
                "-classpath",
                home + "/lib/a.jar:" + home + "/lib/b c.jar",
                "org.minigpt.cli.MiniGpt",
                "sample",
                "--prompt",
                "s – 's\n");
    }

    @Test
    void javaIsThatOfJavaHome() throws Exception {
        Path java = dir.resolve("Java (17) für alle");
        putJava(java, version("17.0.9"), PRINTING);
        assertEquals(called(), run(0, bin, java.toString(), tools.toString()));
    }

    @Test
    void javaIsThatOfThePath() throws Exception {
        Path java = dir.resolve("jdk");
        putJava(java, version("25"), PRINTING);
        assertEquals(called(), run(0, bin, "", java.resolve("bin") + ":" + tools));
        // As /usr/bin/java is a link to where the file is.
        Files.createSymbolicLink(tools.resolve("java"), java.resolve("bin/java"));
        assertEquals(called(), run(0, bin, "", tools.toString()));
    }

    @Test
    void javaWithoutAFileBesideItIsAsked() throws Exception {
        Path java = dir.resolve("jdk");
        String asked = "case $1 in -version) echo 'openjdk version \"%s\" 2023-10-17' >&2; exit;; esac; ";
        putJava(java, null, asked.formatted("17.0.9") + PRINTING);
        assertEquals(called(), run(0, bin, java.toString(), tools.toString()));

        putJava(java, null, asked.formatted("1.8.0_392") + PRINTING);
        assertEquals(
                "minigpt: " + java + "/bin/java is Java 1.8.0_392; " + INSTALL,
                run(1, bin, java.toString(), tools.toString()));
    }

    @Test
    void anImagesOwnJavaComesFirst() throws Exception {
        putJava(home.resolve("jre"), version("17.0.9"), PRINTING);
        assertEquals(called(), run(0, bin, "/none", tools.toString()));
    }

    @Test
    void startedByLinks() throws Exception {
        putJava(dir.resolve("jdk"), version("21"), PRINTING);
        Path folder = Files.createDirectory(dir.resolve("a folder"));
        Path link = Files.createSymbolicLink(folder.resolve("gpt"), Path.of("../Größe 1/bin/minigpt"));
        Path second = Files.createSymbolicLink(dir.resolve("second"), link);
        for (Path start : List.of(link, second)) {
            assertEquals(called(), run(0, start, dir.resolve("jdk").toString(), tools.toString()));
        }
    }

    @Test
    void javaIsTooOld() throws Exception {
        for (String old : List.of("1.8.0_392", "9", "11.0.2", "16-ea")) {
            Path java = dir.resolve("jdk " + old);
            putJava(java, version(old), PRINTING);
            assertEquals(
                    "minigpt: " + java + "/bin/java is Java " + old + "; " + INSTALL,
                    run(1, bin, java.toString(), tools.toString()));
        }
    }

    @Test
    void thereIsNoJava() throws Exception {
        assertEquals("minigpt: there is no Java; " + INSTALL, run(1, bin, "", tools.toString()));
        assertEquals(
                "minigpt: JAVA_HOME is /none, where there is no bin/java; set it to Java 17 or newer.\n",
                run(1, bin, "/none", tools.toString()));
        // As /usr/bin/java of macOS.
        putJava(dir.resolve("stub"), null, "echo 'Unable to locate a Java Runtime.' >&2; exit 1");
        Path java = dir.resolve("stub/bin/java");
        assertEquals("minigpt: " + java + " does not run; " + INSTALL, run(1, bin, "", java.getParent() + ":" + tools));
    }
}
