package org.minigpt.server;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Threads for some requests at the same time, and a queue for some more. */
final class Slots {
    private final ThreadPoolExecutor executor;

    Slots(String name, int threads, int waiting) {
        AtomicInteger number = new AtomicInteger();
        executor = new ThreadPoolExecutor(
                threads, threads, 0, TimeUnit.SECONDS, new LinkedBlockingQueue<>(waiting), task -> {
                    Thread thread = new Thread(task, name + "-" + number.incrementAndGet());
                    thread.setDaemon(true);
                    return thread;
                });
    }

    /** @throws ApiException if the queue is full, or the server stops */
    void run(Runnable task) {
        try {
            executor.execute(task);
        } catch (RejectedExecutionException e) {
            if (executor.isShutdown()) {
                throw ApiException.stopping();
            }
            throw full(executor.getActiveCount(), executor.getQueue().size());
        }
    }

    static ApiException full(int active, int waiting) {
        return ApiException.busy(
                429,
                "too_many_requests",
                "the server has its hands full, with " + active + " requests at work and " + waiting
                        + " waiting; try again later");
    }

    /** Takes a task out of the queue. @return whether it was there still */
    boolean forget(Runnable task) {
        return executor.remove(task);
    }

    /**
     * Takes no more.
     *
     * @return what was waiting
     */
    List<Runnable> stop() {
        List<Runnable> waiting = new ArrayList<>();
        executor.getQueue().drainTo(waiting);
        executor.shutdown();
        return waiting;
    }

    /** @return whether all tasks have ended in time */
    boolean awaitEnd(Duration time) {
        try {
            return executor.awaitTermination(time.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
