package org.minigpt.cli;

import java.io.PrintWriter;
import java.util.function.BooleanSupplier;
import org.minigpt.MiniGptException;
import picocli.CommandLine;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.ParseResult;

/** What a user reads when a command fails: a sentence, and the stack trace only if asked for. */
final class Failures implements IExecutionExceptionHandler {
    private final BooleanSupplier stacktrace;
    private final String[] args;

    /**
     * @param stacktrace whether it is asked for
     * @param args of the command line: they name the files and options at which what nobody foresaw has happened
     */
    Failures(BooleanSupplier stacktrace, String... args) {
        this.stacktrace = stacktrace;
        this.args = args;
    }

    @Override
    public int handleExecutionException(Exception e, CommandLine command, ParseResult parsed) {
        return report(e, command);
    }

    /** @return the exit code */
    int report(Throwable e, CommandLine command) {
        PrintWriter err = command.getErr();
        err.println("minigpt: " + sentence(e));
        if (stacktrace.getAsBoolean()) {
            e.printStackTrace(err);
        }
        return command.getCommandSpec().exitCodeOnExecutionException();
    }

    private static boolean isOfMemory(Throwable e) {
        // The second and third are ND4J's and JavaCPP's, for memory outside the heap.
        return e instanceof OutOfMemoryError
                || e.getMessage() != null
                        && (e.getMessage().contains("bad_alloc")
                                || e.getMessage().contains("Physical memory usage"));
    }

    private String sentence(Throwable e) {
        Throwable last = e;
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (cause instanceof MiniGptException) {
                return cause.getMessage();
            }
            if (isOfMemory(cause)) {
                return "The memory does not suffice (" + cause.getMessage() + "): choose a smaller model or"
                        + " --batch-size, or set MINIGPT_OPTS=-Xmx8g.";
            }
            last = cause;
        }
        String place = args.length == 0 ? "" : " at minigpt " + String.join(" ", args);
        return "This should not have happened" + place + " (" + last
                + "): please report it with what you did and the output of the same command with --stacktrace.";
    }
}
