package org.minigpt.cli;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.UsageMessageSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/**
 * The command line {@code minigpt}. Exit codes: 0 done, 1 something is wrong with the input or the run, 2 wrong usage,
 * 130 stopped by Ctrl-C.
 */
@Command(
        name = "minigpt",
        synopsisSubcommandLabel = "COMMAND",
        header = "Trains a GPT on a text, lets it write, and measures it.",
        versionProvider = Version.class,
        mixinStandardHelpOptions = true,
        footerHeading = "%n",
        footer = {
            "minigpt COMMAND --help shows the options of a command. For example:",
            "  minigpt train --data moby-dick --out-dir out",
            "  minigpt sample --model out --prompt \"Call me \"",
            "",
            "Exit codes: 0 done, 1 the input or the run is at fault, 2 wrong usage, 130 Ctrl-C.",
        })
public sealed class MiniGpt implements Runnable permits MiniGpt.WithAllCommands {
    /** With all commands, in the order of the help, each called as its class is; picocli makes the man pages of it. */
    @Command(
            subcommands = {
                TokenizerCommand.class,
                PrepareCommand.class,
                TrainCommand.class,
                SftCommand.class,
                SampleCommand.class,
                ChatCommand.class,
                ServeCommand.class,
                HealthCommand.class,
                ScoreCommand.class,
                EvalCommand.class,
                InfoCommand.class,
                ImportCommand.class,
                ExportCommand.class,
                BenchCommand.class,
                DoctorCommand.class,
                CompletionCommand.class
            })
    static final class WithAllCommands extends MiniGpt {}

    private static final List<Class<?>> COMMANDS =
            List.of(WithAllCommands.class.getAnnotation(Command.class).subcommands());

    @Spec
    private CommandSpec spec;

    @Option(
            names = "--stacktrace",
            scope = ScopeType.INHERIT,
            order = 1000,
            description = "Show where in the program an error came from.")
    private boolean stacktrace;

    public static void main(String[] args) {
        // Of threads that nobody waits for; what ends a command ends it by its own handler.
        Thread.setDefaultUncaughtExceptionHandler(
                (thread, e) -> new Failures(() -> true, args).report(e, commandLine()));
        System.exit(execute(args));
    }

    /** @return the exit code */
    static int execute(String... args) {
        MiniGpt root = new MiniGpt();
        CommandLine cli = commandLine(root, args);
        try {
            CommandLine called = cli.getSubcommands().get(commandOf(args));
            if (called != null && called.getCommand() instanceof TrainCommand) {
                called.setDefaultValueProvider(Settings.of(called.getCommandSpec(), args));
            }
            return cli.execute(args);
        } catch (RuntimeException | Error e) { // picocli handles the exceptions of commands only
            return root.failures(args).report(e, cli);
        }
    }

    /** @return the first argument that is no option of every command's, or an empty text */
    private static String commandOf(String... args) {
        return Arrays.stream(args)
                .dropWhile(argument -> argument.equals("--stacktrace"))
                .findFirst()
                .orElse("");
    }

    /** @return a new command line with all commands, without anything of an earlier run */
    static CommandLine commandLine() {
        return commandLine(new MiniGpt());
    }

    /** With the command that is called only, if one is: picocli looks at every option of the others too. */
    private static CommandLine commandLine(MiniGpt root, String... args) {
        CommandLine cli = new CommandLine(root);
        String called = commandOf(args);
        boolean known = COMMANDS.stream().anyMatch(command -> nameOf(command).equals(called));
        COMMANDS.stream()
                .filter(command -> !known || nameOf(command).equals(called))
                .forEach(cli::addSubcommand);
        CommandLine sft = cli.getSubcommands().get("sft");
        if (sft != null) {
            SftCommand.adapt(sft.getCommandSpec());
        }
        cli.registerConverter(Path.class, new PathOption())
                .setExpandAtFiles(false) // a prompt may begin with @
                .setUsageHelpAutoWidth(true)
                .setUsageHelpLongOptionsMaxWidth(30)
                .setParameterExceptionHandler(new UsageErrors())
                .setExecutionExceptionHandler(root.failures(args));
        EnumOption.registerAll(cli);
        cli.getSubcommands().values().forEach(MiniGpt::groupOptions);
        return cli;
    }

    private static String nameOf(Class<?> command) {
        return command.getSimpleName().replace("Command", "").toLowerCase(Locale.ROOT);
    }

    private Failures failures(String... args) {
        return new Failures(() -> stacktrace, args);
    }

    private static void groupOptions(CommandLine command) {
        command.getHelpSectionMap().put(UsageMessageSpec.SECTION_KEY_OPTION_LIST, new GroupedOptions());
    }

    @Override
    public void run() {
        String all = COMMANDS.stream().map(MiniGpt::nameOf).collect(Collectors.joining(", "));
        throw new ParameterException(
                spec.commandLine(), "Name a command: " + all.replaceFirst(", (\\w+)$", " or $1") + ".");
    }
}
