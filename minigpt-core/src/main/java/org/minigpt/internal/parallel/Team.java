package org.minigpt.internal.parallel;

import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;

/**
 * Threads that share works, one after the other, each for some microseconds. A part of a work is done by whoever claims it
 * first: the caller, or one of the others if it has come. So a thread whose processor is taken by another program holds
 * nobody up unless it is in the middle of a part; and if the caller has waited longer for the others than they have saved
 * it lately, nobody is asked to help for a while. Results must not depend on who does a part.
 *
 * <p>A thread that finds nothing to do looks out for work for a moment, since waking it takes some 50 µs; then it sleeps, and
 * ends when nothing comes for long, so nobody need close anything.
 *
 * <p>For use by one caller at a time.
 */
public final class Team {
    private static final long SPIN_NANOS = TimeUnit.MICROSECONDS.toNanos(200);
    private static final long IDLE_NANOS = TimeUnit.SECONDS.toNanos(30);

    /** What the others have saved the caller counts up to here when it waits for them. */
    private static final long MOST_CREDIT_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    private static final long LONGEST_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    /** Looks at the clock are dear: so many looks for work come between them. */
    private static final int LOOKS = 64;

    /** Parts that are claimed one by one, a bit each. */
    private static final int CLAIMS = Long.SIZE;

    /** Places in {@link #shared}, in cache lines of their own: a bit for each part that nobody has begun. */
    private static final int OPEN = 16;

    /** Parts that the others have done. */
    private static final int DONE = 32;

    private static final int SHARED = 48;

    private final int size;
    private final Semaphore spare;
    private final Member[] others;
    private final AtomicLongArray shared = new AtomicLongArray(SHARED);
    private Work work; // written before OPEN, read after a claim
    private int parts;
    private volatile Thread waiting; // the caller, if it sleeps
    private volatile Throwable failure;
    private long credit; // what the others have saved the caller, less what it has waited for them
    private boolean paused;
    private long pause;
    private long pausedAt;
    private int strictness = 1; // the next pause is so many times as long as the caller has waited too long

    /**
     * A team of its own threads, whatever the processors.
     *
     * @param threads at most, the caller's among them
     */
    public Team(int threads) {
        this(threads, new Semaphore(threads - 1));
    }

    /** @param spare permits for threads that are awake, beside the caller's */
    Team(int threads, Semaphore spare) {
        this.size = threads;
        this.spare = spare;
        this.others = new Member[threads - 1];
        for (int i = 1; i < threads; i++) {
            others[i - 1] = new Member(i);
        }
    }

    /**
     * @return a team of {@link Workers#threads}. All such teams together use no more than there are processors, unless
     *     more are asked for
     */
    public static Team ofProcessors() {
        int threads = Workers.threads();
        return threads > Workers.PROCESSORS ? new Team(threads) : new Team(threads, Workers.SPARE);
    }

    /** @return the threads that it has at most, with the caller's */
    public int size() {
        return size;
    }

    /** Runs a work. What a part throws is thrown here, once all parts have ended. */
    public void run(Work next) {
        parts = next.parts();
        if (parts == 1 || size == 1 || paused && stillPaused()) {
            Work.alone(next);
            return;
        }
        int claims = Math.min(parts, CLAIMS);
        work = next;
        failure = null;
        shared.setPlain(DONE, 0);
        shared.set(OPEN, -1L >>> (CLAIMS - claims));
        wake(claims - 1);
        long start = System.nanoTime();
        int own = takeAll(0);
        if (own < claims) {
            long ready = System.nanoTime();
            long waited = await(claims - own, ready);
            if (own > 0) {
                settle((ready - start) * (claims - own) / own - waited, ready + waited);
            }
        }
        work = null;
        Work.rethrow(failure);
        next.finish();
    }

    private boolean stillPaused() {
        paused = System.nanoTime() - pausedAt < pause;
        return paused;
    }

    private void wake(int most) {
        for (int i = 0; i < others.length && i < most; i++) {
            others[i].wake();
        }
    }

    /** Does parts that nobody has begun until there are none. @return how many claims that were */
    private int takeAll(int member) {
        int taken = 0;
        for (int claim = claim(member); claim >= 0; claim = claim(member)) {
            try {
                for (int part = claim; part < parts; part += CLAIMS) {
                    work.run(part);
                }
            } catch (Throwable e) { // whatever it is: the caller waits
                failure = e;
            }
            taken++;
            if (member > 0) {
                shared.getAndAdd(DONE, 1);
            }
        }
        return taken;
    }

    /** @return a part that nobody has begun, of the member's own if there is one; -1 for none */
    private int claim(int member) {
        while (true) {
            long open = shared.get(OPEN);
            if (open == 0) {
                return -1;
            }
            int claims = Math.min(parts, CLAIMS);
            int first = Math.min(claims * member / size, CLAIMS - 1);
            int end = claims * (member + 1) / size;
            long own = open >>> first << first;
            int part = Long.numberOfTrailingZeros(own);
            if (own == 0 || part >= end) {
                part = CLAIMS - 1 - Long.numberOfLeadingZeros(open); // the last of those whose own ones come later
            }
            if (shared.compareAndSet(OPEN, open, open & ~(1L << part))) {
                return part;
            }
        }
    }

    /** Waits for parts that others have begun. @return for how long, or 0 if it was for no more than some looks */
    private long await(int claims, long ready) {
        long waited = 0;
        boolean interrupted = false;
        for (int look = 1; shared.get(DONE) < claims; look++) {
            if (waited < SPIN_NANOS) {
                Thread.onSpinWait();
                waited = look % LOOKS == 0 ? System.nanoTime() - ready : waited;
            } else {
                waiting = Thread.currentThread();
                if (shared.get(DONE) < claims) {
                    LockSupport.parkNanos(this, IDLE_NANOS);
                    interrupted |= Thread.interrupted(); // parts write to memory that the caller will use
                }
                waiting = null;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return waited == 0 ? 0 : System.nanoTime() - ready;
    }

    /** @param gain what the others have saved the caller at a work, less what it has waited */
    private void settle(long gain, long now) {
        credit += gain;
        if (credit >= MOST_CREDIT_NANOS) {
            credit = MOST_CREDIT_NANOS;
            strictness = 1;
        } else if (credit < 0) {
            pause = Math.min(strictness * -credit, LONGEST_PAUSE_NANOS);
            pausedAt = now;
            paused = true;
            credit = 0;
            strictness = Math.min(2 * strictness, 64); // until they have earned their credit again
        }
    }

    /** One of the threads beside the caller's. */
    private final class Member implements Runnable {
        private static final int AWAKE = 0;
        private static final int ASLEEP = 1;
        private static final int GONE = 2;

        private final int index;
        private final AtomicInteger state = new AtomicInteger(GONE);
        private volatile Thread thread;

        Member(int index) {
            this.index = index;
        }

        /** Wakes it if it sleeps and there is a processor for it. */
        void wake() {
            int present = state.get();
            if (present == AWAKE || !spare.tryAcquire()) {
                return;
            }
            if (state.compareAndSet(ASLEEP, AWAKE)) {
                LockSupport.unpark(thread);
            } else if (state.compareAndSet(GONE, AWAKE)) {
                thread = new Thread(this, "minigpt-worker-" + Workers.COUNT.incrementAndGet());
                thread.setDaemon(true);
                thread.start();
            } else {
                spare.release();
            }
        }

        @Override
        public void run() {
            do {
                long start = System.nanoTime();
                for (int look = 1; look % LOOKS != 0 || System.nanoTime() - start < SPIN_NANOS; look++) {
                    if (shared.get(OPEN) == 0) {
                        Thread.onSpinWait();
                    } else if (takeAll(index) > 0) {
                        LockSupport.unpark(waiting); // nobody if it does not sleep
                        start = System.nanoTime();
                    }
                }
            } while (sleep());
        }

        /** @return false if nobody woke it for long, and nobody will */
        private boolean sleep() {
            spare.release();
            state.set(ASLEEP);
            long start = System.nanoTime();
            while (state.get() == ASLEEP) {
                LockSupport.parkNanos(this, IDLE_NANOS);
                if (System.nanoTime() - start >= IDLE_NANOS && state.compareAndSet(ASLEEP, GONE)) {
                    return false;
                }
            }
            return true;
        }
    }
}
