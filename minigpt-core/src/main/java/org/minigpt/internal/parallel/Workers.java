package org.minigpt.internal.parallel;

import java.util.List;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * Threads for the replicas of a batch. A step of a small GPT takes 3 ms and hands work over several times, and waking a
 * sleeping thread takes some 50 µs: so a worker that has just been busy looks out for more for a moment before it
 * sleeps. Workers are daemons that end when idle, so nobody need close anything.
 */
public final class Workers {
    private static final long SPIN_NANOS = TimeUnit.MICROSECONDS.toNanos(200);
    private static final long IDLE_NANOS = TimeUnit.SECONDS.toNanos(30);
    private static final AtomicInteger COUNT = new AtomicInteger();
    private static final ConcurrentLinkedDeque<Worker> IDLE = new ConcurrentLinkedDeque<>();

    static final int PROCESSORS = Runtime.getRuntime().availableProcessors();

    /** Processors that teams may still use beside their callers'. */
    static final Semaphore SPARE = new Semaphore(PROCESSORS - 1);

    private Workers() {}

    /**
     * Runs tasks side by side, the first on the calling thread, and waits for all of them. What a task throws is thrown
     * here, once every task has ended. Interrupts do not cut the wait short, since tasks write to memory that the
     * caller will use.
     */
    public static void runAll(List<? extends Runnable> tasks) {
        run(new Tasks(tasks), tasks.size());
    }

    private record Tasks(List<? extends Runnable> tasks) implements Work {
        @Override
        public int parts() {
            return tasks.size();
        }

        @Override
        public void run(int part) {
            tasks.get(part).run();
        }
    }

    /**
     * {@link #runAll} of the parts of a work, on fewer threads than it has parts if that is asked: each goes on with
     * the part that is {@code threads} further.
     */
    static void run(Work work, int threads) {
        Job last = null;
        for (int first = 1; first < threads; first++) {
            last = new Job(work, first, threads, Thread.currentThread(), last);
            start(last);
        }
        Throwable failure = null;
        try {
            runFrom(work, 0, threads);
        } catch (RuntimeException | Error e) {
            failure = e;
        }
        Throwable ofOthers = null;
        for (Job job = last; job != null; job = job.before) {
            Throwable thrown = job.await();
            ofOthers = thrown == null ? ofOthers : thrown;
        }
        rethrow(failure == null ? ofOthers : failure);
    }

    private static void runFrom(Work work, int first, int threads) {
        for (int part = first; part < work.parts(); part += threads) {
            work.run(part);
        }
    }

    /** Throws what is not null. */
    static void rethrow(Throwable failure) {
        if (failure instanceof Error error) {
            throw error;
        }
        if (failure instanceof RuntimeException e) {
            throw e;
        }
        if (failure != null) {
            throw new IllegalStateException(failure); // a checked one, thrown past the compiler
        }
    }

    private static void start(Job job) {
        Worker worker = IDLE.pollFirst();
        if (worker == null) {
            worker = new Worker("minigpt-worker-" + COUNT.incrementAndGet(), job);
            worker.start();
        } else {
            worker.job = job;
            LockSupport.unpark(worker);
        }
    }

    /** What a worker does of a work, and how it ended. */
    private static final class Job {
        private final Work work;
        private final int first;
        private final int threads;
        private final Thread caller;
        private final Job before; // of the same work; null for none
        private Throwable thrown;
        private volatile boolean done;

        Job(Work work, int first, int threads, Thread caller, Job before) {
            this.work = work;
            this.first = first;
            this.threads = threads;
            this.caller = caller;
            this.before = before;
        }

        /** @param beforeDone what the worker does between its parts and their announcement */
        void run(Runnable beforeDone) {
            try {
                runFrom(work, first, threads);
            } catch (Throwable e) { // whatever it is: the caller waits
                thrown = e;
            }
            beforeDone.run();
            done = true;
            LockSupport.unpark(caller);
        }

        /** @return what a part threw, or null */
        Throwable await() {
            boolean interrupted = false;
            long start = System.nanoTime();
            while (!done) {
                if (System.nanoTime() - start < SPIN_NANOS) {
                    Thread.onSpinWait();
                } else {
                    LockSupport.park(this);
                    interrupted |= Thread.interrupted();
                }
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
            return thrown;
        }
    }

    private static final class Worker extends Thread {
        private volatile Job job;

        Worker(String name, Job first) {
            super(name);
            job = first;
            setDaemon(true);
        }

        @Override
        public void run() {
            do {
                Job present = job;
                job = null;
                // Idle again before its caller goes on, which may have the next job at once.
                present.run(() -> IDLE.addFirst(this));
            } while (awaitJob());
        }

        /** @return false if none came for long, and none will come any more */
        private boolean awaitJob() {
            long start = System.nanoTime();
            while (job == null) {
                long waited = System.nanoTime() - start;
                if (waited < SPIN_NANOS) {
                    Thread.onSpinWait();
                } else if (waited < IDLE_NANOS) {
                    LockSupport.parkNanos(this, IDLE_NANOS - waited);
                } else if (IDLE.remove(this)) {
                    return false;
                }
                // Otherwise somebody has taken this worker from the list and is about to give it a job.
            }
            return true;
        }
    }
}
