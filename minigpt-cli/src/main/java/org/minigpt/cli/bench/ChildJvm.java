package org.minigpt.cli.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.Charset;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.minigpt.MiniGptException;

/** Another JVM, started as this one was. */
final class ChildJvm {
    private ChildJvm() {}

    /**
     * @param options of the JVM's beside this one's
     * @param mainClass what it runs
     * @param arguments for that
     */
    static ProcessBuilder builder(List<String> options, Class<?> mainClass, List<String> arguments) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(inheritedOptions());
        command.addAll(options);
        command.addAll(List.of("-classpath", System.getProperty("java.class.path"), mainClass.getName()));
        command.addAll(arguments);
        return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
    }

    /**
     * Runs a JVM to its end.
     *
     * @param what it does, for the sentence if it fails
     * @return the lines that it printed
     * @throws MiniGptException if its exit code is not 0; it has said why on the error stream
     */
    static List<String> run(ProcessBuilder builder, String what) {
        try {
            Process jvm = builder.start();
            try (BufferedReader out =
                    new BufferedReader(new InputStreamReader(jvm.getInputStream(), Charset.defaultCharset()))) {
                List<String> lines = out.lines().toList();
                int exitCode = jvm.waitFor();
                if (exitCode != 0) {
                    throw new MiniGptException(
                            what + " ended with exit code " + exitCode + ": mend what it complains of above.");
                }
                return lines;
            } finally {
                jvm.destroy();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new MiniGptException("The measurement was interrupted: start it again.", e);
        }
    }

    /** @return the options that this JVM was given */
    static List<String> inheritedOptions() {
        return ManagementFactory.getRuntimeMXBean().getInputArguments();
    }
}
