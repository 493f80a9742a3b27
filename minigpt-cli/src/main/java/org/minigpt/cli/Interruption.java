package org.minigpt.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Ctrl-C (or SIGTERM) during a run: asks it to stop, and holds the JVM's end back until it has. The JVM then exits with
 * 128 plus the signal's number, whatever the command returns.
 */
final class Interruption {
    /** 128 + SIGINT. */
    static final int EXIT_CODE = 130;

    /** A step that takes longer is left unfinished; files are moved into place whole, or not at all. */
    private static final long PATIENCE_SECONDS = 60;

    private final CountDownLatch done = new CountDownLatch(1);
    private final Thread hook;

    /** @param stop asks the run to end; called from a thread of the JVM's */
    Interruption(Runnable stop) {
        hook = new Thread(() -> {
            System.err.println("\nStopping after the present step.");
            stop.run();
            try {
                if (!done.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                    System.err.println("minigpt: The run did not stop within a minute and is broken off.");
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        Runtime.getRuntime().addShutdownHook(hook);
    }

    /** Lets the JVM end: the run has, and all is said. */
    void runHasEnded() {
        done.countDown();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The JVM is ending, which is why the run has.
        }
    }
}
