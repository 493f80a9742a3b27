package org.minigpt.cli.report;

import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
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
    private final Optional<RunScale> scale;
    private final Optional<StepWindow> window;

    private double meanLoss;
    private long lossCount;
    private long tokens;
    private long nanos;

    /**
     * @param progress where to show it
     * @param sample of what the model writes now; empty for none
     */
    public TrainingReport(Progress progress, Supplier<String> sample) {
        this(progress, sample, Optional.empty());
    }

    /** With more figures at each evaluation: bits a character, gradients, learning rate, share of the peak. */
    public TrainingReport(Progress progress, Supplier<String> sample, RunScale scale) {
        this(progress, sample, Optional.of(scale));
    }

    private TrainingReport(Progress progress, Supplier<String> sample, Optional<RunScale> scale) {
        this.progress = progress;
        this.sample = sample;
        this.scale = scale;
        window = scale.map(StepWindow::new);
    }

    /** Goes on with the steps since the last evaluation of a run that was stopped. */
    public void goOn(RunFigures figures) {
        window.ifPresent(steps -> steps.set(figures.sinceEvaluation()));
    }

    @Override
    public void onStep(StepReport report) {
        window.ifPresent(steps -> steps.add(report));
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
        scale.ifPresent(measure -> progress.println("    " + figures(measure, report)));
        window.ifPresent(StepWindow::clear);
        String text = sample.get();
        if (!text.isEmpty()) {
            progress.println(text.strip().replaceAll("(?m)^(?=.)", "    "));
        }
        // Of the steps from here on: the first ones of a run are slow.
        tokens = 0;
        nanos = 0;
    }

    private String figures(RunScale measure, EvalReport report) {
        String bits =
                String.format(Locale.ROOT, "%.4f bits a character", measure.bitsPerCharacter(report.validationLoss()));
        StepWindow steps = window.orElseThrow();
        if (steps.steps() == 0) {
            return bits;
        }
        OptionalDouble share = measure.fractionOfPeak(steps.tokensPerSecond());
        return bits
                + String.format(
                        Locale.ROOT,
                        "; learning rate %.3g, gradient norm %.3g, %d of %d clipped; %,.0f tokens/s%s",
                        steps.learningRate(),
                        steps.gradientNorm(),
                        steps.clipped(),
                        steps.steps(),
                        steps.tokensPerSecond(),
                        share.isPresent()
                                ? String.format(Locale.ROOT, ", %.0f%% of peak", 100 * share.getAsDouble())
                                : "");
    }
}
