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

    /** @throws ApiException if it has passed */
    void require() {
        if (System.nanoTime() - end > 0) {
            throw ApiException.of(
                    503,
                    "timeout",
                    "the request took longer than " + timeout.toMillis() / 1e3
                            + " s, waiting and all; ask for fewer tokens, or start the server with a larger --timeout");
        }
    }
}
