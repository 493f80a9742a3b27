package org.minigpt.internal.parallel;

import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * Two threads that do one work together, step by step: each goes on with what the other has done by then. If no processor
 * is free for the second, one thread does both parts, one after the other, and neither can wait for the other.
 */
public final class Duet {
    /** What {@link #member} is while there is one thread only. */
    public static final int ALONE = -1;

    /** Turns of a loop, some 100 µs, after which the other thread may want this one's processor. */
    private static final int PATIENCE = 5_000;

    /** Counters so far apart are in cache lines of their own. */
    private static final int LINE = 32;

    private final AtomicIntegerArray steps = new AtomicIntegerArray(2 * LINE);
    private volatile Thread first;
    private volatile Throwable failure;

    /**
     * Runs both parts, the first on the calling thread, and waits for them. What one of them throws is thrown here, once both
     * have ended; the other ends at its next {@link #await}.
     */
    public void run(Runnable firstPart, Runnable secondPart) {
        steps.set(0, 0);
        steps.set(LINE, 0);
        failure = null;
        first = Thread.currentThread();
        boolean sideBySide;
        try {
            sideBySide = Workers.trySideBySide(() -> play(0, firstPart), () -> play(1, secondPart));
        } finally {
            first = null;
        }
        if (!sideBySide) {
            firstPart.run();
            secondPart.run();
        }
        Workers.rethrow(failure);
    }

    private void play(int member, Runnable part) {
        try {
            part.run();
        } catch (RuntimeException | Error e) {
            if (!(e instanceof Abandoned)) {
                failure = e;
            }
        } finally {
            steps.set(member * LINE, Integer.MAX_VALUE); // nobody waits for it any more
        }
    }

    /** @return 0 in the first part and 1 in the second, if they run side by side; else {@link #ALONE} */
    public int member() {
        Thread caller = first;
        if (caller == null) {
            return ALONE;
        }
        return caller == Thread.currentThread() ? 0 : 1;
    }

    /** Waits until the other part has come as often to here as this one. */
    public void await(int member) {
        int step = steps.incrementAndGet(member * LINE);
        int other = (1 - member) * LINE;
        for (int turn = 0; steps.get(other) < step; turn++) {
            if (turn < PATIENCE) {
                Thread.onSpinWait();
            } else {
                Thread.yield();
            }
        }
        if (failure != null) {
            throw new Abandoned();
        }
    }

    /** Ends a part whose other has failed. */
    private static final class Abandoned extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Abandoned() {
            super("the other part has failed", null, false, false);
        }
    }
}
