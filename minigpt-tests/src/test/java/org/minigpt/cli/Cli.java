package org.minigpt.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Runs the command line within this process. */
final class Cli {
    private Cli() {}

    /**
     * What a command left behind.
     *
     * @param exitCode as the shell would see it
     * @param out what it printed to the output stream
     * @param err what it printed to the error stream
     */
    record Result(int exitCode, String out, String err) {
        Result assertDone() {
            assertEquals(0, exitCode, err);
            return this;
        }

        /** Asserts that the command ended with one sentence, nothing else, and exit code 1. */
        void assertSentence(String sentence) {
            assertEquals("minigpt: " + sentence + System.lineSeparator(), err);
            assertEquals(1, exitCode);
        }
    }

    /** Runs a training with options, of which others may take the place, and without the measurement of the peak. */
    static Result run(List<Object> command, Map<String, Integer> options, Object... more) {
        List<Object> args = new ArrayList<>(command);
        List<Object> given = List.of(more);
        options.forEach((option, value) -> {
            if (!given.contains(option)) {
                args.addAll(List.of(option, value));
            }
        });
        if (!given.contains("--peak") && !given.contains("--no-peak")) {
            args.add("--no-peak");
        }
        args.addAll(given);
        return run(args.toArray());
    }

    /** {@link #run} with bytes as the standard input. */
    static Result runWith(byte[] input, Object... args) {
        InputStream before = System.in;
        System.setIn(new ByteArrayInputStream(input));
        try {
            return run(args);
        } finally {
            System.setIn(before);
        }
    }

    static Result run(Object... args) {
        PrintStream out = System.out;
        PrintStream err = System.err;
        ByteArrayOutputStream outBytes = new ByteArrayOutputStream();
        ByteArrayOutputStream errBytes = new ByteArrayOutputStream();
        try (PrintStream newOut = new PrintStream(outBytes, true, UTF_8);
                PrintStream newErr = new PrintStream(errBytes, true, UTF_8)) {
            System.setOut(newOut);
            System.setErr(newErr);
            int exitCode = MiniGpt.execute(strings(args));
            newOut.flush();
            newErr.flush();
            return new Result(exitCode, outBytes.toString(UTF_8), errBytes.toString(UTF_8));
        } finally {
            System.setOut(out);
            System.setErr(err);
        }
    }

    /**
     * Trains a model that is as small as can be, on a text, for four steps with an evaluation after each two.
     *
     * @param more options, also other values than those
     */
    static Result train(Path text, Path outDir, Object... more) {
        List<Object> command = List.of("train", "--data", text, "--out-dir", outDir);
        Map<String, Integer> small = Map.of(
                "--n-layer", 1,
                "--n-head", 2,
                "--n-embd", 8,
                "--block-size", 8,
                "--batch-size", 4,
                "--max-iters", 4,
                "--eval-interval", 2,
                "--eval-iters", 1,
                "--sample-tokens", 3);
        return run(command, small, more);
    }

    static String[] strings(Object... args) {
        return List.of(args).stream().map(String::valueOf).toArray(String[]::new);
    }
}
