package org.minigpt.examples.report;

import java.awt.AWTError;
import java.nio.file.Path;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import org.minigpt.examples.bench.ModelFlops;
import org.minigpt.io.ModelFolder;
import org.minigpt.model.Gpt;
import org.minigpt.text.Tokenizer;
import org.minigpt.train.EvalReport;
import org.minigpt.train.StepReport;
import org.minigpt.train.TrainListener;
import org.minigpt.train.TrainResult;
import org.minigpt.util.MiniGptException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a run leaves behind: at each evaluation the model, {@link MetricsFiles} and the curve {@code loss.png}. The
 * evaluation before the first step saves nothing: a model that is there already gives way to a trained one only.
 */
public final class RunFolder implements TrainListener {
    private static final Logger LOG = LoggerFactory.getLogger(RunFolder.class);

    private final Path folder;
    private final String title;
    private final Gpt gpt;
    private final Tokenizer tokenizer;
    private final long lastIteration;
    private final MetricsFiles metrics;
    private final LossCurve curve = new LossCurve();
    private OptionalLong savedIteration = OptionalLong.empty();

    /**
     * @param folder made when it is first written to
     * @param title of the curve
     * @param maxIters at which the run ends
     */
    public RunFolder(Path folder, String title, Gpt gpt, Tokenizer tokenizer, long maxIters) {
        this(
                folder,
                title,
                gpt,
                tokenizer,
                maxIters,
                new Scale(1, 0, ModelFlops.ofStep(gpt.config(), 1), OptionalDouble.empty()));
    }

    /** With what the figures are measured by; else gradients are never clipped and a token is a character. */
    public RunFolder(Path folder, String title, Gpt gpt, Tokenizer tokenizer, long maxIters, Scale scale) {
        this.folder = folder;
        this.title = title;
        this.gpt = gpt;
        this.tokenizer = tokenizer;
        this.lastIteration = maxIters;
        metrics = new MetricsFiles(folder, scale);
    }

    @Override
    public void onStep(StepReport report) {
        metrics.onStep(report);
    }

    @Override
    public void onEvaluation(EvalReport report) {
        metrics.onEvaluation(report);
        curve.add(report.iteration(), report.trainLoss(), report.validationLoss());
        if (report.iteration() > 0 || lastIteration == 0) {
            ModelFolder.save(folder, gpt, tokenizer);
            savedIteration = OptionalLong.of(report.iteration());
            metrics.begin();
            drawCurve(folder.resolve("loss.png"));
        }
    }

    @Override
    public void onEnd(TrainResult result) {
        metrics.onEnd(result);
    }

    /** Goes on with the figures of the run in the folder, as they were after this many steps. */
    public void resume(long iteration) {
        metrics.resume(iteration);
        metrics.evaluations().forEach(row -> curve.add((long) row[0], row[1], row[2]));
        metrics.evaluations().stream()
                .mapToLong(row -> (long) row[0])
                .filter(saved -> saved > 0)
                .max()
                .ifPresent(saved -> savedIteration = OptionalLong.of(saved));
    }

    private void drawCurve(Path png) {
        try {
            curve.write(png, title);
        } catch (MiniGptException e) {
            throw e;
        } catch (RuntimeException | InternalError | LinkageError | AWTError e) {
            // A Java without fonts: that is no reason to end a run.
            LOG.warn("{} can't be drawn: {}", png, e.toString());
        }
    }

    /** @return the iteration whose model is in the folder, if this run has saved one */
    public OptionalLong savedIteration() {
        return savedIteration;
    }
}
