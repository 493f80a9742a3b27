package org.minigpt.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.minigpt.MiniGptException;
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
            "health",
            "score",
            "eval",
            "info",
            "import",
            "export",
            "bench",
            "doctor",
            "completion"
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
                "health",
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
            "Cluster (Apache Spark)",
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

        assertTrue(
                version.matches("minigpt \\d\\S*( \\([0-9a-f]+\\))?\\R"
                        + "Deeplearning4j and ND4J 1\\.0\\.0-M2\\.1, kernels by the Vector API\\RJava .*\\R"),
                version);
    }

    /** Bash takes it, and it knows the commands and their options. */
    @Test
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "there may be no bash")
    void completion(@TempDir Path dir) throws Exception {
        Path script = Files.writeString(
                dir.resolve("completion"), Cli.run("completion").assertDone().out());
        Process bash = new ProcessBuilder(
                        "bash",
                        "-c",
                        "source " + script + "; complete -p minigpt; COMP_WORDS=(minigpt train --lr-); COMP_CWORD=2;"
                                + " _complete_minigpt; echo ${COMPREPLY[@]}")
                .redirectErrorStream(true)
                .start();
        String printed = new String(bash.getInputStream().readAllBytes(), UTF_8);
        assertEquals(0, bash.waitFor(), printed);
        assertTrue(printed.contains("_complete_minigpt minigpt"), printed);
        assertTrue(printed.contains("--lr-schedule --lr-decay-iters"), printed);
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
                "Name a command: tokenizer, prepare, train, sft, sample, chat, serve, health, score, eval, info, import, export,"
                        + " bench, doctor or completion.",
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
                "Invalid value for option '--activation': it must be relu, relu2, gelu, gelu-tanh, silu, but is 'tanh'",
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

    /** Which of two counts nobody can know: none of them shall be passed over without a word. */
    @ParameterizedTest
    @CsvSource({
        "--n-embd, train --n-embd 6 --n-embd 8",
        "--n-embd, train --n-embd=8 --n-embd=8",
        "--data, train --data a --data b",
        "--config, train --config a --config b",
        "--preset, train --preset gpt2 --preset lecture",
        "--resume, train --resume a --resume b",
        "--tied-head, train --tied-head --no-tied-head",
        "--model, sample --model a --model b",
        "--greedy, sample --greedy --greedy",
        "--out, tokenizer train --out a --out b",
    })
    void anOptionIsGivenOnce(String option, String args) {
        String command = args.replaceFirst(" --.*", "");
        assertUsageError(
                option + " is given twice: leave one of them out.", "minigpt " + command, (Object[]) args.split(" "));
    }

    /** All options that take a path, of all commands, and texts that are paths. */
    @Test
    void noPathIsEmpty() {
        int paths = requireNoEmptyPath(MiniGpt.commandLine());
        assertTrue(paths > 25, paths + " options");
        Cli.run("train", "--data", "")
                .assertSentence(
                        "The name of the text is empty: give moby-dick, shakespeare or the path of a UTF-8" + " file.");
        Cli.run("train", "--tokenizer", "")
                .assertSentence("--tokenizer is empty: give char, or the path of a tokenizer.");
    }

    private static int requireNoEmptyPath(CommandLine command) {
        int paths = 0;
        for (OptionSpec option : command.getCommandSpec().options()) {
            if (option.type() == Path.class) {
                paths++;
                List<Object> args = new ArrayList<>(List.of((Object[]) command.getCommandSpec()
                        .qualifiedName()
                        .replaceFirst("minigpt ", "")
                        .split(" ")));
                args.addAll(List.of(option.longestName(), ""));
                Cli.Result result = Cli.run(args.toArray());
                assertEquals(2, result.exitCode(), result.err());
                assertTrue(
                        result.err().contains("it is empty, but must be the path of a file or a folder"),
                        args + result.err());
            }
        }
        for (CommandLine sub : command.getSubcommands().values()) {
            paths += requireNoEmptyPath(sub);
        }
        return paths;
    }

    /** Not the arguments that are in a file of that name. */
    @Test
    void aTextMayBeginWithAt(@TempDir Path dir) throws IOException {
        Path file = Files.writeString(dir.resolve("arguments"), "--help");

        Cli.Result result = Cli.run("sample", "--model", dir, "--prompt", "@" + file);

        assertEquals(1, result.exitCode());
        assertTrue(result.err().contains(" is not a model's folder"), result.err());
    }

    /** Whatever ends a command, also before it begins, and also what is an Error. */
    @Test
    void theLastHandlerSaysWhereItWas() {
        StringWriter err = new StringWriter();
        CommandLine command = MiniGpt.commandLine().setErr(new PrintWriter(err, true));
        for (Throwable e : new Throwable[] {
            new InternalError("a fault"),
            new NoClassDefFoundError("a/B"),
            new StackOverflowError(),
            new NullPointerException()
        }) {
            assertEquals(1, new Failures(() -> false, "train", "--data", "a.txt").report(e, command));
            assertTrue(
                    err.toString()
                            .endsWith("minigpt: This should not have happened at minigpt train --data a.txt (" + e
                                    + "): please report it with what you did and the output of the same command with"
                                    + " --stacktrace." + System.lineSeparator()),
                    err.toString());
        }
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

        assertTrue(text.contains("at org.minigpt.cli.UsageTest"), text);
    }

    @Test
    void stacktraceIsAnOptionOfEveryCommand() {
        Cli.Result result = Cli.run("info", "--model", "nowhere", "--stacktrace");

        assertEquals(1, result.exitCode());
        assertTrue(result.err().startsWith("minigpt: There is no folder nowhere: "), result.err());
        assertTrue(result.err().contains("\tat org.minigpt."), result.err());
    }
}
