package org.minigpt.examples.report;

import java.awt.AWTError;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;
import java.util.OptionalLong;
import org.minigpt.io.ModelFolder;
import org.minigpt.model.Gpt;
import org.minigpt.text.Tokenizer;
import org.minigpt.train.EvalReport;
import org.minigpt.train.TrainListener;
import org.minigpt.util.AtomicFiles;
import org.minigpt.util.MiniGptException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a run leaves behind: at each evaluation the model, {@code metrics.csv} and the curve {@code loss.png}. The
 * evaluation before the first step saves nothing: a model that is there already gives way to a trained one only.
 */
public final class RunFolder implements TrainListener {
    private static final Logger LOG = LoggerFactory.getLogger(RunFolder.class);

    private final Path folder;
    private final String title;
    private final Gpt gpt;
    private final Tokenizer tokenizer;
    private final long lastIteration;
    private final long start = System.nanoTime();
    private final StringBuilder metrics = new StringBuilder("iteration,train_loss,val_loss,seconds\n");
    private final LossCurve curve = new LossCurve();
    private OptionalLong savedIteration = OptionalLong.empty();

    /**
     * @param folder made when it is first written to
     * @param title of the curve
     * @param maxIters at which the run ends
     */
    public RunFolder(Path folder, String title, Gpt gpt, Tokenizer tokenizer, long maxIters) {
        this.folder = folder;
        this.title = title;
        this.gpt = gpt;
        this.tokenizer = tokenizer;
        this.lastIteration = maxIters;
    }

    @Override
    public void onEvaluation(EvalReport report) {
        metrics.append(String.format(
                Locale.ROOT,
                "%d,%.6f,%.6f,%.1f\n",
                report.iteration(),
                report.trainLoss(),
                report.validationLoss(),
                (System.nanoTime() - start) / 1e9));
        curve.add(report.iteration(), report.trainLoss(), report.validationLoss());
        if (report.iteration() > 0 || lastIteration == 0) {
            ModelFolder.save(folder, gpt, tokenizer);
            savedIteration = OptionalLong.of(report.iteration());
            AtomicFiles.write(
                    folder.resolve("metrics.csv"),
                    out -> out.write(metrics.toString().getBytes(StandardCharsets.UTF_8)));
            drawCurve(folder.resolve("loss.png"));
        }
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
