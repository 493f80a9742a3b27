package org.minigpt.cli;

import java.io.PrintStream;
import java.util.Locale;
import org.minigpt.MiniGptException;
import org.minigpt.cli.report.Progress;
import org.minigpt.data.Batch;
import org.minigpt.model.Gpt;
import org.minigpt.train.BatchSource;
import org.minigpt.train.StepReport;
import org.minigpt.train.TrainConfig;
import org.minigpt.train.TrainListener;
import org.minigpt.train.TrainResult;
import org.minigpt.train.Trainer;

/**
 * Trains on one batch until its loss is a tenth of what it was: any model that can learn at all learns that much by
 * heart, so one that does not has something wrong with it, or with its settings.
 */
final class OverfitCheck implements TrainListener {
    private static final double SHARE = 0.1;

    private final Progress progress;
    private final Trainer trainer;
    private double first = Double.NaN;
    private double last;
    private boolean learnt;

    private OverfitCheck(Progress progress, Trainer trainer) {
        this.progress = progress;
        this.trainer = trainer;
    }

    /**
     * @return the exit code, 130 if it was interrupted
     * @throws MiniGptException if the batch is not learnt within {@code max_iters} steps
     */
    static int run(Gpt gpt, Batch batch, TrainConfig config, PrintStream out) {
        TrainConfig one = config.toBuilder().gradientAccumulationSteps(1).build();
        Trainer trainer = new Trainer(gpt, BatchSource.always(batch), one);
        Interruption interruption = new Interruption(trainer::stop);
        try (Progress progress = Progress.of(out, System.err, config.maxIters())) {
            OverfitCheck check = new OverfitCheck(progress, trainer);
            TrainResult result = trainer.addListener(check).run();
            return check.report(result, out);
        } finally {
            interruption.runHasEnded();
        }
    }

    @Override
    public void onStep(StepReport report) {
        first = report.iteration() == 0 ? report.loss() : first;
        last = report.loss();
        progress.step(report.iteration() + 1, String.format(Locale.ROOT, "loss %.4f", last));
        learnt = last <= SHARE * first; // of one character, 0 from the first step on
        if (learnt) {
            trainer.stop();
        }
    }

    private int report(TrainResult result, PrintStream out) {
        if (learnt) {
            out.printf(
                    Locale.ROOT,
                    "The batch is learnt by heart: its loss fell from %.4f to %.4f in %,d steps.%n",
                    first,
                    last,
                    result.iterations());
            return 0;
        }
        if (result.stopped()) {
            return Interruption.EXIT_CODE;
        }
        throw new MiniGptException(String.format(
                Locale.ROOT,
                "The batch is not learnt by heart after %,d steps, its loss went from %.4f to %.4f: try another"
                        + " --learning-rate, more --max-iters, or no --dropout; if none helps, the model can't learn.",
                result.iterations(),
                first,
                last));
    }
}
