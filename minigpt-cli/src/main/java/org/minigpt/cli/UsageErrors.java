package org.minigpt.cli;

import java.io.PrintWriter;
import picocli.CommandLine;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.OverwrittenOptionException;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** What a user reads about wrong options: a sentence and where the help is, not all of the help. */
final class UsageErrors implements IParameterExceptionHandler {
    @Override
    public int handleParseException(ParameterException e, String[] args) {
        CommandLine command = e.getCommandLine();
        PrintWriter err = command.getErr();
        err.println("minigpt: " + sentence(e) + place(e));
        UnmatchedArgumentException.printSuggestions(e, err);
        err.println("Try: " + command.getCommandSpec().qualifiedName() + " --help");
        return command.getCommandSpec().exitCodeOnInvalidInput();
    }

    private static String sentence(ParameterException e) {
        return e instanceof OverwrittenOptionException twice && twice.getOverwritten() instanceof OptionSpec option
                ? option.longestName() + " is given twice: leave one of them out."
                : e.getMessage();
    }

    /** Where a wrong value stands, if not on the command line. */
    private static String place(ParameterException e) {
        return e.getCommandLine().getDefaultValueProvider() instanceof Settings settings
                        && e.getArgSpec() != null
                        && e.getValue() != null
                        && e.getValue().equals(settings.value(e.getArgSpec()))
                ? " (in " + settings.source(e.getArgSpec()).orElseThrow() + ")"
                : "";
    }
}
