package org.minigpt.cli.report;

import java.awt.AWTError;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.function.Consumer;
import org.minigpt.MiniGptException;
import org.minigpt.checkpoint.Checkpoint;
import org.minigpt.io.ModelFolder;
import org.minigpt.model.Gpt;
import org.minigpt.text.Tokenizer;
import org.minigpt.train.EvalReport;
import org.minigpt.train.StepReport;
import org.minigpt.train.TrainListener;
import org.minigpt.train.TrainResult;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a run leaves behind: at each evaluation the model, {@link MetricsFiles} and the curve {@code loss.png}. The
 * evaluation before the first step saves nothing: a model that is there already gives way to a trained one only.
 *
 * <p>If the run has {@linkplain #first checkpoints}, they come first: they hold the figures too, and all that the
 * folder shows can be made from the last of them, whatever a crash has left undone.
 */
public final class RunFolder implements TrainListener {
    /** The file of the curve. */
    public static final String CURVE = "loss.png";

    private static final Logger LOG = LoggerFactory.getLogger(RunFolder.class);

    private final Path folder;
    private final String title;
    private final Consumer<Path> model;
    private final long lastIteration;
    private final MetricsFiles metrics;
    private TrainListener checkpoints = new TrainListener() {};
    private Runnable moreOfModel = () -> {};
    private Consumer<Optional<TrainResult>> moreOfRecord = result -> {};
    private OptionalLong savedIteration = OptionalLong.empty();
    /** Whether the folder may be another than the run's as it goes on: an earlier or a later one, or another run's. */
    private boolean behind;

    private long iteration;
    /** The iteration of the last evaluation before the run goes on. */
    private long evaluated;

    /**
     * @param folder made when it is first written to
     * @param title of the curve
     * @param maxIters at which the run ends
     */
    public RunFolder(Path folder, String title, Gpt gpt, Tokenizer tokenizer, long maxIters) {
        this(
                folder,
                title,
                dir -> ModelFolder.save(dir, gpt, tokenizer),
                maxIters,
                new RunScale(1, 0, ModelFlops.ofStep(gpt.config(), 1), OptionalDouble.empty()));
    }

    /**
     * With what the figures are measured by; else gradients are never clipped and a token is a character.
     *
     * @param model saves the model to a folder
     */
    public RunFolder(Path folder, String title, Consumer<Path> model, long maxIters, RunScale scale) {
        this.folder = folder;
        this.title = title;
        this.model = model;
        this.lastIteration = maxIters;
        metrics = new MetricsFiles(folder, scale);
    }

    /**
     * Sets what saves the run so that it can go on: it is told of each event when the figures are complete and the
     * folder is not changed yet.
     */
    public void first(TrainListener checkpoints) {
        this.checkpoints = checkpoints;
    }

    /** Sets what else is saved whenever the model has been. */
    public void thenModel(Runnable more) {
        moreOfModel = more;
    }

    /** Sets what else is saved whenever the figures have been, and at the run's end, whose result it then gets. */
    public void thenRecord(Consumer<Optional<TrainResult>> more) {
        moreOfRecord = more;
    }

    /** @return the figures of the run */
    public MetricsFiles metrics() {
        return metrics;
    }

    @Override
    public void onStep(StepReport report) {
        iteration = report.iteration() + 1;
        metrics.onStep(report);
        checkpoints.onStep(report);
    }

    @Override
    public void onEvaluation(EvalReport report) {
        metrics.onEvaluation(report);
        checkpoints.onEvaluation(report);
        if (report.iteration() > 0 || lastIteration == 0) {
            saveModel(report.iteration());
            saveRecord();
        }
    }

    private void saveModel(long iteration) {
        model.accept(folder);
        moreOfModel.run();
        savedIteration = OptionalLong.of(iteration);
    }

    private void saveRecord() {
        behind = false;
        metrics.begin();
        drawCurve(folder.resolve(CURVE));
        moreOfRecord.accept(Optional.empty());
    }

    @Override
    public void onEnd(TrainResult result) {
        checkpoints.onEnd(result);
        if (!result.stopped()) {
            catchUp();
        }
        metrics.onEnd(result);
        if (savedIteration.isPresent()) {
            moreOfRecord.accept(Optional.of(result));
        }
    }

    @Override
    public Optional<Path> lastSaved() {
        return checkpoints.lastSaved();
    }

    /** Writes to a checkpoint what {@link #restore} needs. */
    public void saveTo(Path checkpoint) throws IOException {
        metrics.saveTo(checkpoint);
    }

    /**
     * Takes over the figures of a run that goes on; nothing is written before {@link #catchUp} or an evaluation.
     *
     * @param original the folder of the run; this one, unless it goes on in another
     * @throws MiniGptException if the figures there are not the run's any more
     */
    public void restore(Checkpoint checkpoint, Path original) {
        metrics.restore(checkpoint.path(), checkpoint.state(), original);
        iteration = checkpoint.state().iteration();
        evaluated =
                checkpoint.state().lastEvaluation().map(EvalReport::iteration).orElse(0L);
        behind = evaluated > 0;
    }

    /** Does what a crash may have left undone after the checkpoint that the run goes on from. */
    public void catchUp() {
        if (behind && iteration == evaluated) {
            saveModel(evaluated);
            saveRecord();
        } else if (behind && metrics.isInFolder()) {
            savedIteration = OptionalLong.of(evaluated);
            saveRecord();
        }
    }

    private void drawCurve(Path png) {
        boolean interrupted = Thread.interrupted(); // it would be lost: Java's drawing waits, and passes it over
        try {
            LossCurve curve = metrics.figures().curve();
            if (!curve.isEmpty()) {
                curve.write(png, title);
            }
        } catch (MiniGptException e) {
            throw e;
        } catch (RuntimeException | InternalError | LinkageError | AWTError e) {
            // A Java without fonts: that is no reason to end a run.
            LOG.warn("{} can't be drawn: {}", png, e.toString());
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** @return the iteration whose model is in the folder, if this run has saved one */
    public OptionalLong savedIteration() {
        return savedIteration;
    }
}
