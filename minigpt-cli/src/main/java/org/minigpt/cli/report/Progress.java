package org.minigpt.cli.report;

import java.io.PrintStream;

/** How far a job is, beside lines that stay on the screen. Not for use by several threads at once. */
public interface Progress extends AutoCloseable {

    /**
     * Reports one more step done.
     *
     * @param done the steps done so far
     * @param details a few words on the present state, such as the loss
     */
    void step(long done, String details);

    /** Prints lines that stay. */
    void println(String lines);

    /** Takes what does not stay off the screen. */
    @Override
    void close();

    /**
     * A bar on the error stream if there is a terminal; else a line on the output stream every few seconds.
     *
     * @param out takes the lines that stay
     * @param err takes the bar
     * @param total the steps of the whole job
     */
    static Progress of(PrintStream out, PrintStream err, long total) {
        return Terminal.isPresent() ? new ProgressBarLine(out, err, total) : new ProgressLines(out, total);
    }
}
