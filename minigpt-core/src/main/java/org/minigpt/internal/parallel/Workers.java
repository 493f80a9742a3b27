package org.minigpt.internal.parallel;

import java.util.ArrayList;
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

    /** Processors that {@link #trySideBySide} may still use beside its callers'. */
    private static final Semaphore SPARE = new Semaphore(Runtime.getRuntime().availableProcessors() - 1);

    private Workers() {}

    /**
     * Runs tasks side by side, the first on the calling thread, and waits for all of them. What a task throws is thrown
     * here, once every task has ended. Interrupts do not cut the wait short, since tasks write to memory that the caller
     * will use.
     */
    public static void runAll(List<? extends Runnable> tasks) {
        List<Job> jobs = new ArrayList<>();
        for (Runnable task : tasks.subList(1, tasks.size())) {
            Job job = new Job(task, Thread.currentThread());
            jobs.add(job);
            start(job);
        }
        Throwable failure = null;
        try {
            tasks.get(0).run();
        } catch (RuntimeException | Error e) {
            failure = e;
        }
        for (Job job : jobs) {
            Throwable thrown = job.await();
            failure = failure == null ? thrown : failure;
        }
        rethrow(failure);
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

    /**
     * Runs two halves of one operation side by side if a processor is free for the second, else one after the other:
     * several callers at once then keep to a processor each. What a half throws is thrown here, once both have ended.
     */
    public static void runBoth(Runnable first, Runnable second) {
        if (!trySideBySide(first, second)) {
            first.run();
            second.run();
        }
    }

    /** {@link #runBoth} if a processor is free. @return whether it was; if not, nothing has been run */
    static boolean trySideBySide(Runnable first, Runnable second) {
        if (!SPARE.tryAcquire()) {
            return false;
        }
        try {
            Job job = new Job(second, Thread.currentThread());
            start(job);
            Throwable failure = null;
            try {
                first.run();
            } catch (RuntimeException | Error e) {
                failure = e;
            }
            Throwable thrown = job.await();
            rethrow(failure == null ? thrown : failure);
            return true;
        } finally {
            SPARE.release();
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

    /** A task and how it ended. */
    private static final class Job {
        private final Runnable task;
        private final Thread caller;
        private Throwable thrown;
        private volatile boolean done;

        Job(Runnable task, Thread caller) {
            this.task = task;
            this.caller = caller;
        }

        /** @param beforeDone what the worker does between the task and its announcement */
        void run(Runnable beforeDone) {
            try {
                task.run();
            } catch (Throwable e) { // whatever it is: the caller waits
                thrown = e;
            }
            beforeDone.run();
            done = true;
            LockSupport.unpark(caller);
        }

        /** @return what the task threw, or null */
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
