package org.minigpt.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** {@code bin/minigpt} as a process of its own, as a user starts it. */
final class Launcher implements AutoCloseable {
    static final Path BIN = Path.of(System.getProperty("basedir", "")).resolve("../minigpt-cli/bin/minigpt");
    /** Of the JVM's: what it compiles well comes too late for a short life. */
    static final String OPTIONS = "-Xmx512m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC";
    /** A busy machine takes long to make the archive of classes. */
    private static final Duration PATIENCE = Duration.ofSeconds(240);

    private final Process process;
    private final Path out;
    private final Path err;

    private Launcher(Process process, Path out, Path err) {
        this.process = process;
        this.out = out;
        this.err = err;
    }

    /** @param scratch takes what the program prints */
    static Launcher start(Path scratch, Map<String, String> environment, Object... args) throws IOException {
        return start(BIN, scratch, environment, args);
    }

    /** Another {@code bin/minigpt} than the clone's. */
    static Launcher start(Path bin, Path scratch, Map<String, String> environment, Object... args) throws IOException {
        return start(bin, scratch, environment, null, args);
    }

    /** @param in what the program reads as its standard input, or null if that is nothing */
    static Launcher start(Path bin, Path scratch, Map<String, String> environment, Path in, Object... args)
            throws IOException {
        List<String> command = new ArrayList<>();
        if (ignoresInterrupts()) {
            // Inherited, for example of a script's background job, and kept by a JVM.
            command.addAll(List.of("env", "--default-signal=INT"));
        }
        command.add(bin.toAbsolutePath().normalize().toString());
        command.addAll(List.of(Cli.strings(args)));
        Path out = scratch.resolve("stdout");
        Path err = scratch.resolve("stderr");
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile());
        if (in != null) {
            builder.redirectInput(in.toFile());
        }
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        builder.environment().put("MINIGPT_OPTS", OPTIONS);
        builder.environment().putAll(environment);
        return new Launcher(builder.start(), out, err);
    }

    private static boolean ignoresInterrupts() throws IOException {
        Path status = Path.of("/proc/self/status");
        if (!Files.isReadable(status)) {
            return false;
        }
        String mask = Files.readAllLines(status).stream()
                .filter(line -> line.startsWith("SigIgn:"))
                .findFirst()
                .orElse("SigIgn: 0")
                .substring("SigIgn:".length())
                .strip();
        return (Long.parseUnsignedLong(mask, 16) >> 1 & 1) == 1; // bit n - 1 of signal n; SIGINT is 2
    }

    long pid() {
        return process.pid();
    }

    void interrupt() throws IOException, InterruptedException {
        new ProcessBuilder("kill", "-INT", String.valueOf(process.pid()))
                .start()
                .waitFor();
    }

    /** Waits for something that the program shall do. */
    void await(String what, BooleanSupplier condition) throws IOException, InterruptedException {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.getAsBoolean()) {
            assertTrue(process.isAlive() && System.nanoTime() < end, () -> what + " did not come: " + all());
            Thread.sleep(20);
        }
    }

    int exitCode() throws InterruptedException {
        assertTrue(process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS), () -> "it does not end: " + all());
        return process.exitValue();
    }

    String out() {
        return read(out);
    }

    /** The error stream, without the JVM's remark on the modules that it runs with. */
    String err() {
        return read(err).replaceAll("WARNING: Using incubator modules: .*\\R", "");
    }

    private String all() {
        return out() + "\n" + err();
    }

    private static String read(Path file) {
        try {
            return Files.readString(file, UTF_8);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
