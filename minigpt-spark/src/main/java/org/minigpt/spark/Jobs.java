package org.minigpt.spark;

import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import org.apache.spark.api.java.JavaSparkContext;
import org.minigpt.MiniGptException;

/**
 * Runs jobs that end: by their result, by what went wrong as a sentence, at a deadline, or because the run is to stop.
 *
 * @param timeout of each job
 */
record Jobs(JavaSparkContext context, Duration timeout) {
    private static final long POLL_MILLIS = 50;

    /**
     * Runs a job.
     *
     * @param what it does, for messages and Spark's page
     * @param stopped asked now and then
     * @return nothing if it was stopped
     * @throws MiniGptException if it fails, or takes too long
     */
    <T> Optional<T> run(String what, BooleanSupplier stopped, Callable<T> job) {
        String group = UUID.randomUUID().toString();
        FutureTask<T> task = new FutureTask<>(() -> {
            context.setJobGroup(group, what, true);
            return job.call();
        });
        Thread thread = new Thread(task, "minigpt-spark-job");
        thread.setDaemon(true);
        thread.start();
        long deadline = System.nanoTime() + timeout.toNanos();
        try {
            while (true) {
                try {
                    return Optional.of(task.get(POLL_MILLIS, TimeUnit.MILLISECONDS));
                } catch (TimeoutException e) {
                    if (stopped.getAsBoolean()) {
                        context.cancelJobGroup(group);
                        return Optional.empty();
                    }
                    if (System.nanoTime() - deadline > 0) {
                        context.cancelJobGroup(group);
                        throw new MiniGptException(
                                what + " has not ended in " + timeout.toSeconds() + " seconds, with "
                                        + executors()
                                        + " executors there: look at the cluster, and give it more time or more executors",
                                e);
                    }
                }
            }
        } catch (ExecutionException e) {
            throw failure(what, e.getCause());
        } catch (InterruptedException e) {
            context.cancelJobGroup(group);
            Thread.currentThread().interrupt();
            throw new MiniGptException(what + " was interrupted: start it again", e);
        }
    }

    /** {@link #run(String, BooleanSupplier, Callable)} that is not to stop. */
    <T> T run(String what, Callable<T> job) {
        return run(what, () -> false, job).orElseThrow();
    }

    /** @return how many executors there are, without the driver */
    int executors() {
        return context.sc().getExecutorMemoryStatus().size() - 1;
    }

    /** Spark's messages hold the stack trace of the task that failed, and so what that said. */
    private static MiniGptException failure(String what, Throwable failure) {
        String message = String.valueOf(failure.getMessage());
        String sentence = MiniGptException.class.getName() + ": ";
        int at = message.indexOf(sentence);
        String said = message.substring(at < 0 ? 0 : at + sentence.length())
                .lines()
                .findFirst()
                .orElse("");
        return new MiniGptException(
                at < 0 ? what + " has failed (" + said + "): look at the executors' logs" : said, failure);
    }
}
