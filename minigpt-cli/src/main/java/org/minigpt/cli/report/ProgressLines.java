package org.minigpt.cli.report;

import java.io.PrintStream;
import java.util.concurrent.TimeUnit;

/** Progress for a log file: a line every ten seconds. */
final class ProgressLines implements Progress {
    private static final long INTERVAL = TimeUnit.SECONDS.toNanos(10);

    private final PrintStream out;
    private final Pace pace;
    private long lastLine = System.nanoTime();

    ProgressLines(PrintStream out, long total) {
        this.out = out;
        this.pace = new Pace(total);
    }

    @Override
    public void step(long done, String details) {
        long now = System.nanoTime();
        if (now - lastLine >= INTERVAL) {
            println(pace.share(done) + "  " + details + "  " + pace.left(done));
            lastLine = now;
        }
    }

    @Override
    public void println(String lines) {
        out.println(lines);
        out.flush();
    }

    @Override
    public void close() {}
}
