package org.minigpt.examples.cli;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Ctrl-C (or SIGTERM) during work that is not to end at once: asks it to stop, and holds the JVM's end back until it has.
 * The JVM then exits with 128 plus the signal's number, whatever the command returns.
 */
final class Interruption {
    /** 128 + SIGINT. */
    static final int EXIT_CODE = 130;

    private final CountDownLatch done = new CountDownLatch(1);
    private final Thread hook;

    /**
     * @param said to the user
     * @param stop asks the work to end; called from a thread of the JVM's
     * @param patience for how long it is waited for; files are moved into place whole, or not at all
     */
    private Interruption(String said, Runnable stop, Duration patience) {
        hook = new Thread(() -> {
            System.err.print(said);
            stop.run();
            try {
                if (!done.await(patience.toSeconds(), TimeUnit.SECONDS)) {
                    System.err.println(
                            "minigpt: It did not stop within " + patience.toSeconds() + " seconds and is broken off.");
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        Runtime.getRuntime().addShutdownHook(hook);
    }

    /** Of a run, whose last step may take long and is worth to be waited for. */
    static Interruption ofRun(Runnable stop) {
        return new Interruption(
                "\nStopping after the present step." + System.lineSeparator(), stop, Duration.ofMinutes(1));
    }

    /** Of work that leaves nothing but files that are half written. */
    static Interruption ofWriting(Runnable stop) {
        return new Interruption("", stop, Duration.ofSeconds(2));
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
