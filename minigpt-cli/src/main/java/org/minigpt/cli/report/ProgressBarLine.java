package org.minigpt.cli.report;

import java.io.PrintStream;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressState;

/** Progress for a terminal: a bar that stays below the lines that are printed meanwhile. */
final class ProgressBarLine implements Progress {
    private static final int REDRAW_MILLIS = 200;
    private static final int BAR_WIDTH = 24;

    private final PrintStream out;
    private final Pace pace;
    private final Line line;
    private final ProgressBar bar;

    ProgressBarLine(PrintStream out, PrintStream err, long total) {
        this.out = out;
        this.pace = new Pace(total);
        this.line = new Line(err);
        this.bar = new ProgressBarBuilder()
                .setInitialMax(total)
                .setUpdateIntervalMillis(REDRAW_MILLIS)
                .setConsumer(line)
                .setRenderer(this::render)
                .build();
    }

    private String render(ProgressState state, int width) {
        int filled = (int) (BAR_WIDTH * state.getNormalizedProgress());
        String drawn = "=".repeat(filled) + (filled < BAR_WIDTH ? ">" : "") + " ".repeat(BAR_WIDTH);
        return "[" + drawn.substring(0, BAR_WIDTH) + "] " + pace.share(state.getCurrent()) + "  "
                + state.getExtraMessage() + "  " + pace.left(state.getCurrent());
    }

    @Override
    public void step(long done, String details) {
        bar.setExtraMessage(details);
        bar.stepTo(done);
    }

    @Override
    public void println(String lines) {
        line.above(() -> {
            out.println(lines);
            out.flush();
        });
    }

    @Override
    public void close() {
        bar.close();
    }

    /** The terminal's last line, which the bar's own thread draws while this one prints above it. */
    private static final class Line extends ConsoleProgressBarConsumer {
        private final PrintStream err;
        private String drawn = "";

        Line(PrintStream err) {
            super(err, Terminal.width() - 1); // most terminals would wrap a full line
            this.err = err;
        }

        @Override
        public synchronized void accept(String text) {
            int width = getMaxRenderedLength();
            drawn = text.length() > width ? text.substring(0, width) : text;
            // What was longer before must not stay.
            err.print("\r" + drawn + "\033[K");
            err.flush();
        }

        synchronized void above(Runnable print) {
            clear();
            print.run();
            accept(drawn);
        }

        @Override
        public synchronized void clear() {
            err.print("\r\033[K");
            err.flush();
        }

        @Override
        public synchronized void close() {
            clear();
        }
    }
}
