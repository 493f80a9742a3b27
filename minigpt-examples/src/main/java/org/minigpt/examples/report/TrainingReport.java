package org.minigpt.examples.report;

import java.util.Locale;
import java.util.function.Supplier;
import org.minigpt.train.EvalReport;
import org.minigpt.train.StepReport;
import org.minigpt.train.TrainListener;

/** Shows a run: loss and speed at every step, the losses of both splits and a sample at every evaluation. */
public final class TrainingReport implements TrainListener {
    /** The steps that the loss beside the bar is the mean of, or nearly so. */
    private static final int SMOOTHING = 50;

    private final Progress progress;
    private final Supplier<String> sample;

    private double meanLoss;
    private long lossCount;
    private long tokens;
    private long nanos;

    /**
     * @param progress where to show it
     * @param sample of what the model writes now; empty for none
     */
    public TrainingReport(Progress progress, Supplier<String> sample) {
        this.progress = progress;
        this.sample = sample;
    }

    @Override
    public void onStep(StepReport report) {
        lossCount = Math.min(lossCount + 1, SMOOTHING);
        meanLoss += (report.loss() - meanLoss) / lossCount;
        tokens += report.tokens();
        nanos += report.nanos();
        progress.step(
                report.iteration() + 1,
                String.format(Locale.ROOT, "loss %.4f  %,.0f tokens/s", meanLoss, tokens * 1e9 / nanos));
    }

    @Override
    public void onEvaluation(EvalReport report) {
        progress.println(String.format(
                Locale.ROOT,
                "iteration %,d: train loss %.4f, val loss %.4f",
                report.iteration(),
                report.trainLoss(),
                report.validationLoss()));
        String text = sample.get();
        if (!text.isEmpty()) {
            progress.println(text.strip().replaceAll("(?m)^(?=.)", "    "));
        }
        // Of the steps from here on: the first ones of a run are slow.
        tokens = 0;
        nanos = 0;
    }
}
