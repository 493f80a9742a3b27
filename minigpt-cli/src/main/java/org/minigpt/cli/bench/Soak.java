package org.minigpt.cli.bench;

import java.util.Locale;
import java.util.OptionalDouble;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.minigpt.cli.report.PeakMemory;
import org.minigpt.model.Gpt;
import org.minigpt.train.BatchSource;
import org.minigpt.train.StepReport;
import org.minigpt.train.TrainConfig;
import org.minigpt.train.TrainListener;
import org.minigpt.train.Trainer;

/** Trains for a while and tells, at regular times, how long a step takes and how much memory the process has. */
public final class Soak implements TrainListener {
    private final long periodNanos;
    private final int periods;
    private final Runnable stop;
    private final Consumer<String> lines;
    private long periodStart;
    private long steps;
    private long stepNanos;
    private int done;

    private Soak(long periodNanos, int periods, Runnable stop, Consumer<String> lines) {
        this.periodNanos = periodNanos;
        this.periods = periods;
        this.stop = stop;
        this.lines = lines;
    }

    /**
     * Trains for so many minutes, and prints a line for each.
     *
     * @param batches of block_size tokens at most
     * @param batchSize B
     */
    public static void run(Gpt gpt, BatchSource batches, int batchSize, int minutes, Consumer<String> lines) {
        run(gpt, batches, batchSize, TimeUnit.MINUTES.toNanos(1), minutes, lines);
    }

    /** With periods of another length. */
    static void run(
            Gpt gpt, BatchSource batches, int batchSize, long periodNanos, int periods, Consumer<String> lines) {
        TrainConfig config = TrainConfig.builder()
                .batchSize(batchSize)
                .maxIters(Integer.MAX_VALUE)
                .learningRate(Workload.LEARNING_RATE)
                .optimizer(Workload.ADAM_W)
                .gradClip(Workload.GRAD_CLIP)
                .build();
        Trainer trainer = new Trainer(gpt, batches, config);
        trainer.addListener(new Soak(periodNanos, periods, trainer::stop, lines));
        trainer.run();
    }

    @Override
    public void onStep(StepReport report) {
        long now = System.nanoTime();
        if (report.iteration() == 0) {
            lines.accept(String.format(Locale.ROOT, "seconds_to_first_step %.2f", Stopwatch.secondsSinceStart()));
            periodStart = now;
            return; // it planned the graph
        }
        steps++;
        stepNanos += report.nanos();
        if (now - periodStart >= periodNanos) {
            done++;
            lines.accept(line());
            periodStart = now;
            steps = 0;
            stepNanos = 0;
            if (done == periods) {
                stop.run();
            }
        }
    }

    private String line() {
        Runtime java = Runtime.getRuntime();
        return String.format(
                Locale.ROOT,
                "minute %d steps %d train_ms_per_step %.3f resident_mb %s mapped_files_mb %s heap_used_mb %.1f",
                done,
                steps,
                stepNanos / 1e6 / steps,
                megabytes("VmRSS:"),
                megabytes("RssFile:"),
                (java.totalMemory() - java.freeMemory()) / (double) (1 << 20));
    }

    private static String megabytes(String key) {
        OptionalDouble value = PeakMemory.megabytes(key);
        return value.isPresent() ? String.format(Locale.ROOT, "%.1f", value.getAsDouble()) : "unknown";
    }
}
