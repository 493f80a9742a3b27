package org.minigpt.server;

import java.time.Duration;

/**
 * By when a request must be answered.
 *
 * @param end as {@link System#nanoTime} has it
 * @param timeout the time that it had
 */
record Deadline(long end, Duration timeout) {
    /** @return that of a request that has just come */
    static Deadline in(Duration timeout) {
        return new Deadline(System.nanoTime() + timeout.toNanos(), timeout);
    }

    /** @return the time since the request has come */
    Duration elapsed() {
        return timeout.minusNanos(end - System.nanoTime());
    }

    boolean passed() {
        return System.nanoTime() - end > 0;
    }

    /** @throws ApiException if it has passed before it was the request's turn */
    void require() {
        if (passed()) {
            throw missed(System.nanoTime());
        }
    }

    /** {@link #require}. @return the milliseconds that are left, at least 1 */
    long requireMillis() {
        require();
        return Math.max(1, (end - System.nanoTime()) / 1_000_000);
    }

    /**
     * @param turn when it was the request's
     * @return why there is nothing to answer with
     */
    ApiException missed(long turn) {
        String seconds = timeout.toMillis() / 1e3 + " s";
        return end - turn < timeout.toNanos() / 2
                ? ApiException.busy(
                        503,
                        "timeout",
                        "the request has waited for its turn until its " + seconds
                                + " were over; try again later, or start the server with a larger --timeout")
                : ApiException.of(
                        503,
                        "timeout",
                        "the request's " + seconds
                                + " were over before its first token; shorten the prompt, or start the"
                                + " server with a larger --timeout");
    }
}
