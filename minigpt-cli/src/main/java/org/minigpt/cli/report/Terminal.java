package org.minigpt.cli.report;

import java.io.Console;
import java.io.IOException;
import org.jline.terminal.TerminalBuilder;

/** Whether somebody looks on. */
public final class Terminal {
    private static final int DEFAULT_WIDTH = 80;

    private Terminal() {}

    /** @return whether input and output are a terminal that can move its cursor */
    public static boolean isPresent() {
        Console console = System.console();
        return console != null && isTerminal(console) && !"dumb".equals(System.getenv("TERM"));
    }

    /** @return the characters of a line, as the terminal is now */
    static int width() {
        // Closed at once: at the JVM's end, the hook of an open one closes the standard streams, and what the program
        // says after Ctrl-C would be lost.
        try (org.jline.terminal.Terminal terminal =
                TerminalBuilder.builder().dumb(true).build()) {
            return terminal.getWidth() > 0 ? terminal.getWidth() : DEFAULT_WIDTH;
        } catch (IOException e) {
            return DEFAULT_WIDTH;
        }
    }

    /** From JDK 22 on there may be a console without a terminal; the method that tells came with it. */
    private static boolean isTerminal(Console console) {
        try {
            return (boolean) Console.class.getMethod("isTerminal").invoke(console);
        } catch (ReflectiveOperationException e) {
            return true;
        }
    }
}
