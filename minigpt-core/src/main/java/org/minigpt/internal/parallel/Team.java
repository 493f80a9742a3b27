package org.minigpt.internal.parallel;

import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * Threads that share works. A work's parts do not depend on the processors that happen to be free: if there are fewer,
 * a thread does several parts, one after the other, and the results are the same.
 */
public final class Team {
    /** Turns of a loop, some 100 µs, after which another thread may want this one's processor. */
    private static final int PATIENCE = 5_000;

    /** Counters so far apart are in cache lines of their own. */
    private static final int LINE = 32;

    private final int size;
    private final Semaphore spare;
    private final AtomicIntegerArray steps;
    private int members;
    private volatile boolean together;
    private volatile Throwable failure;

    /**
     * A team of its own threads, whatever the processors.
     *
     * @param threads at most, the caller's among them
     */
    public Team(int threads) {
        this(threads, new Semaphore(threads - 1));
    }

    private Team(int threads, Semaphore spare) {
        this.size = sizeOf(threads);
        this.spare = spare;
        this.steps = new AtomicIntegerArray(size * LINE);
    }

    /**
     * @return a team of as many threads as there are processors, with which all such teams keep to a processor a thread
     */
    public static Team ofProcessors() {
        return new Team(Workers.PROCESSORS, Workers.SPARE);
    }

    /** @return the most parts that are worth making */
    public int size() {
        return size;
    }

    /** @return {@link #size} of a team of {@link #ofProcessors} */
    public static int processors() {
        return sizeOf(Workers.PROCESSORS);
    }

    /** As many parts as threads, but two for one thread, which so computes what two would, bit for bit. */
    private static int sizeOf(int threads) {
        return Math.max(2, threads);
    }

    /** Runs a work on as many threads as are free. What a part throws is thrown here, once all threads have ended. */
    public void run(Work work) {
        share(work, spare);
    }

    /** {@link #run} with the processors that all teams of {@link #ofProcessors} share. */
    public static void runOnProcessors(Work work) {
        share(work, Workers.SPARE);
    }

    private static void share(Work work, Semaphore spare) {
        int parts = work.parts();
        int others = 0;
        while (others < parts - 1 && spare.tryAcquire()) {
            others++;
        }
        if (others == 0) {
            Work.alone(work);
            return;
        }
        try {
            Workers.run(work, others + 1);
        } finally {
            spare.release(others);
        }
        work.finish();
    }

    /**
     * Runs a work whose parts go step by step, each on with what the others have done by then: see {@link #together}.
     * What one of them throws is thrown here, once all have ended; the others end at their next {@link #await}.
     */
    public void runTogether(Work work) {
        int parts = work.parts();
        if (parts == 1 || !spare.tryAcquire(parts - 1)) {
            run(work);
            return;
        }
        for (int member = 0; member < parts; member++) {
            steps.set(member * LINE, 0);
        }
        members = parts;
        failure = null;
        together = true;
        try {
            Workers.run(new Playing(work), parts);
        } finally {
            together = false;
            spare.release(parts - 1);
        }
        Workers.rethrow(failure);
        work.finish();
    }

    /** The parts of a work, none of which leaves another waiting when it ends. */
    private final class Playing implements Work {
        private final Work work;

        Playing(Work work) {
            this.work = work;
        }

        @Override
        public int parts() {
            return work.parts();
        }

        @Override
        public void run(int member) {
            try {
                work.run(member);
            } catch (RuntimeException | Error e) {
                if (!(e instanceof Abandoned)) {
                    failure = e;
                }
            } finally {
                steps.set(member * LINE, Integer.MAX_VALUE); // nobody waits for it any more
            }
        }
    }

    /** @return whether the parts of {@link #runTogether} have a thread each; if not, none may wait for another */
    public boolean together() {
        return together;
    }

    /** @return the parts that run {@link #together} */
    public int members() {
        return members;
    }

    /** Waits until all parts have come as often to here as this one. */
    public void await(int member) {
        int step = steps.incrementAndGet(member * LINE);
        for (int other = 0; other < members; other++) {
            for (int turn = 0; steps.get(other * LINE) < step; turn++) {
                if (turn < PATIENCE) {
                    Thread.onSpinWait();
                } else {
                    Thread.yield();
                }
            }
        }
        if (failure != null) {
            throw new Abandoned();
        }
    }

    /** Ends a part of which another has failed. */
    private static final class Abandoned extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Abandoned() {
            super("another part has failed", null, false, false);
        }
    }
}
