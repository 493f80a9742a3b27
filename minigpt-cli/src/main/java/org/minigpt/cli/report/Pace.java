package org.minigpt.cli.report;

import java.time.Duration;
import java.util.Locale;

/** How long a job of equal steps will still take. */
final class Pace {
    private final long start = System.nanoTime();
    private final long total;

    Pace(long total) {
        this.total = total;
    }

    /** @return {@code 24% 1,200/5,000} */
    String share(long done) {
        return String.format(Locale.ROOT, "%3d%% %,d/%,d", total == 0 ? 100 : 100 * done / total, done, total);
    }

    /** @return {@code 1:05 left}; empty as long as nobody can tell */
    String left(long done) {
        return done == 0 ? "" : left(System.nanoTime() - start, done);
    }

    String left(long elapsedNanos, long done) {
        Duration left = Duration.ofNanos((long) ((double) elapsedNanos / done * (total - done)));
        String minutes = String.format(Locale.ROOT, "%d:%02d", left.toMinutesPart(), left.toSecondsPart());
        return left.toHours() == 0
                ? minutes + " left"
                : String.format(
                        Locale.ROOT, "%d:%02d:%02d left", left.toHours(), left.toMinutesPart(), left.toSecondsPart());
    }
}
