package org.minigpt.cli.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.minigpt.train.EvalReport;
import org.minigpt.train.StepReport;

/** What a run has done so far, in sums; those of a run that goes on are of all its parts. */
public final class RunFigures {
    private final RunScale scale;
    private final StepWindow all;
    private final StepWindow sinceEvaluation;
    private final List<EvalReport> evaluations = new ArrayList<>();
    private long iterations;
    private long skipped;

    RunFigures(RunScale scale) {
        this.scale = scale;
        all = new StepWindow(scale);
        sinceEvaluation = new StepWindow(scale);
    }

    void add(StepReport report) {
        all.add(report);
        sinceEvaluation.add(report);
        skipped += report.skipped() ? 1 : 0;
        iterations = report.iteration() + 1;
    }

    /** Begins a new window of steps. */
    void add(EvalReport report) {
        evaluations.add(report);
        sinceEvaluation.clear();
        iterations = report.iteration();
    }

    /** @return all steps */
    StepWindow all() {
        return all;
    }

    /** @return the steps since the last evaluation */
    StepWindow sinceEvaluation() {
        return sinceEvaluation;
    }

    /** @return the number of steps that the model has had */
    public long iterations() {
        return iterations;
    }

    /** @return the steps that were taken or skipped */
    public long steps() {
        return all.steps();
    }

    /** @return how many of them had their gradients clipped */
    public long clipped() {
        return all.clipped();
    }

    /** @return how many of them were outliers and skipped */
    public long skipped() {
        return skipped;
    }

    /** @return tokens a second of the steps alone; not a number if there was none */
    public double tokensPerSecond() {
        return all.tokensPerSecond();
    }

    /** @return the newest evaluation */
    public Optional<EvalReport> lastEvaluation() {
        return evaluations.isEmpty() ? Optional.empty() : Optional.of(evaluations.get(evaluations.size() - 1));
    }

    /** @return the evaluation with the lowest validation loss */
    public Optional<EvalReport> bestEvaluation() {
        return evaluations.stream().filter(EvalReport::best).reduce((earlier, later) -> later);
    }

    /** @return the losses of all evaluations */
    LossCurve curve() {
        LossCurve curve = new LossCurve();
        evaluations.forEach(report -> curve.add(report.iteration(), report.trainLoss(), report.validationLoss()));
        return curve;
    }

    /** @return what the figures are measured by */
    public RunScale scale() {
        return scale;
    }
}
