package org.minigpt.examples.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

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

    /** Trains a model that is as small as can be, on a text, for four steps with an evaluation after each two. */
    static Result train(Path text, Path outDir, Object... more) {
        List<Object> args = new ArrayList<>(List.of("train", "--data", text, "--out-dir", outDir));
        args.addAll(List.of("--n-layer", 1, "--n-head", 2, "--n-embd", 8, "--block-size", 8, "--batch-size", 4));
        args.addAll(
                List.of("--max-iters", 4, "--eval-interval", 2, "--eval-iters", 1, "--sample-tokens", 3, "--no-peak"));
        // Overridden by what comes later.
        args.addAll(List.of(more));
        return run(args.toArray());
    }

    static String[] strings(Object... args) {
        return List.of(args).stream().map(String::valueOf).toArray(String[]::new);
    }
}
