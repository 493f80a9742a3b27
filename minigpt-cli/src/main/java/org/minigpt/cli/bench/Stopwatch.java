package org.minigpt.cli.bench;

import java.lang.management.ManagementFactory;

/** Times equal steps in rounds, of which the fastest counts. */
final class Stopwatch {
    private final int steps;
    private int done;
    private double best = Double.POSITIVE_INFINITY;
    private double secondsToFirst;
    private long start = System.nanoTime();

    /** Starts. */
    Stopwatch(int steps) {
        this.steps = steps;
    }

    /** Takes note that a step has ended. */
    void step() {
        if (done == 0) {
            secondsToFirst = secondsSinceStart();
        }
        done++;
        if (done % steps == 0) {
            long now = System.nanoTime();
            best = Math.min(best, (now - start) / 1e6 / steps);
            start = now;
        }
    }

    /** @return from the start of the JVM until now */
    static double secondsSinceStart() {
        long started = ManagementFactory.getRuntimeMXBean().getStartTime();
        return (System.currentTimeMillis() - started) / 1e3;
    }

    /** @return the fastest round's milliseconds a step */
    double bestMillis() {
        return best;
    }

    /** @return from the start of the JVM to the end of the first step */
    double secondsToFirst() {
        return secondsToFirst;
    }

    /** @return the milliseconds that {@code step} takes in the fastest of some rounds */
    static double bestMillis(int rounds, int steps, Runnable step) {
        Stopwatch watch = new Stopwatch(steps);
        for (long i = 0; i < (long) rounds * steps; i++) {
            step.run();
            watch.step();
        }
        return watch.bestMillis();
    }
}
