package org.minigpt.examples.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.minigpt.util.MiniGptException;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/** Help, versions and wrong usage. */
class UsageTest {

    @Test
    void helpShowsTheCommands() {
        String help = Cli.run("--help").assertDone().out();

        for (String command : new String[] {
            "tokenizer",
            "prepare",
            "train",
            "sample",
            "chat",
            "serve",
            "score",
            "eval",
            "info",
            "import",
            "export",
            "bench"
        }) {
            assertTrue(help.contains("\n  " + command + " "), help);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "tokenizer train",
                "tokenizer encode",
                "tokenizer decode",
                "tokenizer bench",
                "prepare",
                "train",
                "sample",
                "chat",
                "serve",
                "score",
                "eval",
                "info",
                "import",
                "export",
                "bench",
                "bench files"
            })
    void helpExplainsEveryOption(String command) {
        String[] names = command.split(" ");
        CommandLine cli = MiniGpt.commandLine();
        for (String name : names) {
            cli = cli.getSubcommands().get(name);
        }
        List<Object> args = new ArrayList<>(List.of((Object[]) names));
        args.add("--help");
        String help = Cli.run(args.toArray()).assertDone().out();

        for (OptionSpec option : cli.getCommandSpec().options()) {
            String shown =
                    option.negatable() ? option.longestName().replaceFirst("--", "--[no-]") : option.longestName();
            assertTrue(help.contains(shown), shown);
            assertTrue(option.description().length > 0, option.longestName());
        }
        assertFalse(help.contains("${"), help);
    }

    @Test
    void helpOfTrainIsGrouped() {
        String help = Cli.run("train", "--help").out();

        int last = 0;
        for (String heading : new String[] {
            "Where options come from",
            "Data",
            "Model",
            "Training",
            "Optimizer (AdamW)",
            "Learning rate over time",
            "Evaluation and output"
        }) {
            int at = help.indexOf(System.lineSeparator() + heading + System.lineSeparator());
            assertTrue(at > last, heading);
            last = at;
        }
    }

    @Test
    void versionNamesTheProjects() {
        String version = Cli.run("--version").assertDone().out();

        assertTrue(version.matches("minigpt \\d\\S*\\RDeeplearning4j 1\\.0\\.0-M2\\.1\\RJava .*\\R"), version);
    }

    private static void assertUsageError(String message, String command, Object... args) {
        Cli.Result result = Cli.run(args);
        assertEquals(
                String.format("minigpt: %s%nTry: %s --help%n", message, command),
                result.err().replaceAll("Possible solutions: .*\\R", ""));
        assertEquals(2, result.exitCode());
    }

    @Test
    void noCommand() {
        assertUsageError(
                "Name a command: tokenizer, prepare, train, sample, chat, serve, score, eval, info, import, export or bench.",
                "minigpt");
    }

    @Test
    void unknownOption() {
        assertUsageError("Unknown option: '--n_layer=3'", "minigpt train", "train", "--n_layer=3");
    }

    @Test
    void notANumber() {
        assertUsageError(
                "Invalid value for option '--n-layer': 'four' is not an int",
                "minigpt train",
                "train",
                "--n-layer",
                "four");
    }

    @Test
    void unknownChoice() {
        assertUsageError(
                "Invalid value for option '--activation': it must be relu, gelu, gelu-tanh, but is 'tanh'",
                "minigpt train",
                "train",
                "--activation",
                "tanh");
    }

    @Test
    void detailsOfAScheduleThatIsNotAskedFor() {
        assertUsageError(
                "--warmup-iters, --lr-decay-iters and --min-lr shape --decay-lr: add that, or leave them out.",
                "minigpt train",
                "train",
                "--min-lr",
                "1e-4");
    }

    @Test
    void theLastOfTwoCounts() {
        // And leaves the other options as they are.
        Cli.Result result = Cli.run("train", "--n-head", 3, "--n-embd", 6, "--n-embd", 8);

        result.assertSentence(
                "n_embd 8 is not divisible by n_head 3; choose an n_embd that is a multiple of it, such as 9");
    }

    private static String failure(Exception e, boolean stacktrace) {
        StringWriter err = new StringWriter();
        CommandLine command = MiniGpt.commandLine().setErr(new PrintWriter(err, true));
        assertEquals(1, new Failures(() -> stacktrace).handleExecutionException(e, command, null));
        return err.toString();
    }

    @Test
    void aKnownProblemIsItsSentenceHoweverDeepItLies() {
        Exception wrapped = new RuntimeException(new IllegalStateException(new MiniGptException("Mend this.")));

        assertEquals("minigpt: Mend this." + System.lineSeparator(), failure(wrapped, false));
    }

    @Test
    void anUnknownProblemAsksForAReport() {
        assertEquals(
                "minigpt: This should not have happened (java.lang.IllegalStateException: boom): please report it with"
                        + " what you did and the output of the same command with --stacktrace."
                        + System.lineSeparator(),
                failure(new IllegalStateException("boom"), false));
    }

    @Test
    void tooLittleMemoryHasARemedy() {
        String remedy =
                ": choose a smaller model or --batch-size, or set MINIGPT_OPTS=-Xmx8g." + System.lineSeparator();

        assertEquals(
                "minigpt: The memory does not suffice (Java heap space)" + remedy,
                failure(new RuntimeException(new OutOfMemoryError("Java heap space")), false));
        assertEquals(
                "minigpt: The memory does not suffice (Allocation failed: [std::bad_alloc])" + remedy,
                failure(new RuntimeException("Allocation failed: [std::bad_alloc]"), false));
    }

    @Test
    void theStackTraceIsThereForWhoAsks() {
        String text = failure(new IllegalStateException("boom"), true);

        assertTrue(text.contains("at org.minigpt.examples.cli.UsageTest"), text);
    }

    @Test
    void stacktraceIsAnOptionOfEveryCommand() {
        Cli.Result result = Cli.run("info", "--model", "nowhere", "--stacktrace");

        assertEquals(1, result.exitCode());
        assertTrue(result.err().startsWith("minigpt: There is no folder nowhere: "), result.err());
        assertTrue(result.err().contains("\tat org.minigpt."), result.err());
    }
}
