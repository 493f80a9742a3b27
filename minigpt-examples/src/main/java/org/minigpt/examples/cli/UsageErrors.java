package org.minigpt.examples.cli;

import java.io.PrintWriter;
import picocli.CommandLine;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** What a user reads about wrong options: a sentence and where the help is, not all of the help. */
final class UsageErrors implements IParameterExceptionHandler {
    @Override
    public int handleParseException(ParameterException e, String[] args) {
        CommandLine command = e.getCommandLine();
        PrintWriter err = command.getErr();
        err.println("minigpt: " + e.getMessage() + place(e));
        UnmatchedArgumentException.printSuggestions(e, err);
        err.println("Try: " + command.getCommandSpec().qualifiedName() + " --help");
        return command.getCommandSpec().exitCodeOnInvalidInput();
    }

    /** Where a wrong value stands, if not on the command line. */
    private static String place(ParameterException e) {
        return e.getCommandLine().getDefaultValueProvider() instanceof Settings settings
                        && e.getArgSpec() != null
                        && e.getValue() != null
                        && e.getValue().equals(settings.defaultValue(e.getArgSpec()))
                ? " (in " + settings.source(e.getArgSpec()).orElseThrow() + ")"
                : "";
    }
}
