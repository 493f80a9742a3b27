package org.minigpt.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** A JVM that runs several commands at once, a thread each, for the time that a JVM takes to start. */
final class TrainingJvm implements AutoCloseable {
    private static final Path OPTIONS =
            Path.of(System.getProperty("basedir", "")).resolve("../minigpt-cli/bin/jvm.options");
    private static final String END_OF_COMMAND = ";";
    private static final int PATIENCE_SECONDS = 180;

    private final Process process;
    private final StringBuffer output = new StringBuffer();
    private final AtomicInteger evaluations = new AtomicInteger();
    private final Thread reader;

    /**
     * Starts it.
     *
     * @param blocks the longest file that it may write, in blocks of 512 bytes, which stands for a full disk; 0 for no
     *     limit
     * @param commands what bin/minigpt would get
     */
    TrainingJvm(int blocks, List<List<String>> commands) throws IOException {
        List<String> all = new ArrayList<>();
        if (blocks > 0) {
            all.addAll(List.of("/bin/sh", "-c", "ulimit -f " + blocks + "; exec \"$@\"", "/bin/sh"));
        }
        all.addAll(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "@" + OPTIONS.toAbsolutePath().normalize(),
                "-Xmx512m",
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-XX:-UsePerfData", // which is a file too
                "-Dorg.minigpt.vector=false", // seconds until that is compiled
                "-classpath",
                System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                TrainingJvm.class.getName()));
        commands.forEach(command -> {
            all.addAll(command);
            all.add(END_OF_COMMAND);
        });
        ProcessBuilder builder = new ProcessBuilder(all).redirectErrorStream(true);
        builder.environment().put("LC_ALL", "C"); // the system's words are in its language
        process = builder.start();
        reader = new Thread(this::read);
        reader.start();
    }

    private void read() {
        try (BufferedReader out = process.inputReader(UTF_8)) {
            for (String line = out.readLine(); line != null; line = out.readLine()) {
                output.append(line).append('\n');
                if (line.startsWith("iteration ")) {
                    evaluations.incrementAndGet();
                }
            }
        } catch (IOException e) {
            output.append(e);
        }
    }

    /** Waits until so many evaluations were told of by all commands together, or all have ended. */
    void awaitEvaluations(int count) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        while (process.isAlive() && evaluations.get() < count) {
            assertTrue(System.nanoTime() < end, () -> "no evaluation " + count + " came:\n" + output);
            TimeUnit.MILLISECONDS.sleep(1);
        }
    }

    /** @param hard by SIGKILL, rather than SIGTERM */
    void kill(boolean hard) {
        if (hard) {
            process.destroyForcibly();
        } else {
            process.destroy();
        }
    }

    /** @return the exit code of the process: that of the last command that failed, if none was killed */
    int exitCode() throws InterruptedException {
        assertTrue(process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS), () -> "it does not end:\n" + output);
        reader.join();
        return process.exitValue();
    }

    String output() {
        return output.toString();
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }

    public static void main(String[] args) throws InterruptedException {
        List<Thread> threads = new ArrayList<>();
        AtomicInteger exitCode = new AtomicInteger();
        List<String> words = new ArrayList<>();
        for (String word : args) {
            if (!word.equals(END_OF_COMMAND)) {
                words.add(word);
                continue;
            }
            String[] command = words.toArray(String[]::new);
            words.clear();
            threads.add(new Thread(() -> {
                int code = MiniGpt.execute(command);
                if (code != 0) {
                    System.err.println("exit code " + code + " of " + Arrays.toString(command));
                    exitCode.set(code);
                }
            }));
        }
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            thread.join();
        }
        System.exit(exitCode.get());
    }
}
