package org.minigpt.cli.bench;

import java.io.PrintStream;
import java.util.Locale;

/** Prints results as lines of a name and a value, for people and programs. */
public final class ResultLines {
    private final PrintStream out;

    public ResultLines(PrintStream out) {
        this.out = out;
    }

    /** Prints a word. */
    public void print(String name, Object value) {
        out.println(name + " " + value);
    }

    /** Prints a number with some digits after the point. */
    public void print(String name, double value, int digits) {
        out.printf(Locale.ROOT, "%s %." + digits + "f%n", name, value);
    }
}
