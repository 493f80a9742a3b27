package org.minigpt.cli.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.minigpt.files.AtomicFiles;
import org.minigpt.train.EvalReport;
import org.minigpt.train.Evaluator.Losses;
import org.minigpt.train.StepReport;
import org.minigpt.train.TrainListener;
import org.minigpt.train.TrainResult;
import org.minigpt.train.TrainState;

/**
 * The figures of a run for programs: {@code metrics.jsonl}, a JSON object a line for each step and each evaluation,
 * which grows during the run; and {@code metrics.csv}, a row for each evaluation, which follows from the lines. Nothing
 * is written before {@link #begin}, so that a run which fails early leaves the figures of the model that is there.
 */
public final class MetricsFiles implements TrainListener {
    /** The file of all figures. */
    public static final String JSON_LINES = "metrics.jsonl";

    /** The file of the evaluations. */
    public static final String CSV = "metrics.csv";

    private static final String CSV_HEADER =
            "iteration,train_loss,val_loss,seconds,train_bits_per_char,val_bits_per_char,"
                    + "learning_rate,grad_norm,clipped_steps,tokens_per_second,fraction_of_peak\n";
    private static final long FLUSH_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final JsonMapper JSON = new JsonMapper();

    private final Path folder;
    private final RunScale scale;
    private final MetricsLog log;
    private final RunFigures figures;
    private final long start = System.nanoTime();
    private final StringBuilder csv = new StringBuilder(CSV_HEADER);
    private long lastFlush = start;
    /** Of the parts of the run before this one. */
    private double secondsBefore;

    /** @param folder made when it is first written to */
    public MetricsFiles(Path folder, RunScale scale) {
        this.folder = folder;
        this.scale = scale;
        log = new MetricsLog(folder.resolve(JSON_LINES));
        figures = new RunFigures(scale);
    }

    /** Replaces the files of an earlier run by this one's, or brings this one's up to date. */
    public void begin() {
        log.begin();
        log.flush();
        AtomicFiles.write(folder.resolve(CSV), out -> out.write(csv.toString().getBytes(StandardCharsets.UTF_8)));
    }

    /** @return whether lines of this run are in the folder */
    boolean isInFolder() {
        return log.length() > 0;
    }

    /** @return what the run has done so far */
    public RunFigures figures() {
        return figures;
    }

    /** Writes to a checkpoint what {@link #restore} needs. */
    void saveTo(Path checkpoint) throws IOException {
        log.saveTo(checkpoint);
    }

    /**
     * Goes on with the figures of a run, as they were at a checkpoint. Nothing is written before {@link #begin}.
     *
     * @param original the folder of the run; this one, unless it goes on in another
     * @throws org.minigpt.MiniGptException if they are not the run's any more
     */
    void restore(Path checkpoint, TrainState state, Path original) {
        Path dir = isSame(original) ? folder : original;
        log.restore(checkpoint, state, dir.resolve(JSON_LINES), this::replay);
    }

    private boolean isSame(Path other) {
        try {
            return Files.exists(folder) && Files.isSameFile(folder, other);
        } catch (IOException e) {
            return false;
        }
    }

    private void replay(JsonNode line) {
        long iteration = line.path("iteration").asLong();
        secondsBefore = line.path("seconds").asDouble();
        if (line.path("type").asText().equals("step")) {
            long tokens = line.path("tokens").asLong();
            figures.add(new StepReport(
                    iteration,
                    line.path("loss").asDouble(),
                    line.path("grad_norm").asDouble(),
                    line.path("learning_rate").asDouble(),
                    tokens,
                    line.path("skipped").asBoolean(),
                    Math.round(tokens * 1e9 / line.path("tokens_per_second").asDouble())));
        } else {
            Losses losses = new Losses(
                    line.path("train_loss").asDouble(), line.path("val_loss").asDouble());
            add(new EvalReport(iteration, losses, line.path("best").asBoolean(), 0), secondsBefore);
        }
    }

    @Override
    public void onStep(StepReport report) {
        figures.add(report);
        double tokensPerSecond = report.tokens() * 1e9 / report.nanos();
        ObjectNode line = JSON.createObjectNode();
        line.put("type", "step");
        line.put("iteration", report.iteration());
        line.put("seconds", seconds());
        line.put("loss", report.loss());
        line.put("bits_per_char", scale.bitsPerCharacter(report.loss()));
        line.put("learning_rate", report.learningRate());
        line.put("grad_norm", report.gradientNorm());
        line.put("clipped", scale.clips(report.gradientNorm()));
        line.put("skipped", report.skipped());
        line.put("tokens", report.tokens());
        line.put("tokens_per_second", tokensPerSecond);
        scale.fractionOfPeak(tokensPerSecond).ifPresent(share -> line.put("fraction_of_peak", share));
        log.append(line.toString());
        if (log.isBegun() && System.nanoTime() - lastFlush >= FLUSH_NANOS) {
            log.flush();
            lastFlush = System.nanoTime();
        }
    }

    @Override
    public void onEvaluation(EvalReport report) {
        double seconds = seconds();
        ObjectNode line = JSON.createObjectNode();
        line.put("type", "evaluation");
        line.put("iteration", report.iteration());
        line.put("seconds", seconds);
        line.put("train_loss", report.trainLoss());
        line.put("val_loss", report.validationLoss());
        line.put("train_bits_per_char", scale.bitsPerCharacter(report.trainLoss()));
        line.put("val_bits_per_char", scale.bitsPerCharacter(report.validationLoss()));
        line.put("best", report.best());
        log.append(line.toString());
        add(report, seconds);
    }

    private void add(EvalReport report, double seconds) {
        csv.append(row(report, seconds));
        figures.add(report);
    }

    /** What concerns steps is empty if there were none. */
    private String row(EvalReport report, double seconds) {
        String losses = String.format(
                Locale.ROOT,
                "%d,%.6f,%.6f,%.1f,%.6f,%.6f",
                report.iteration(),
                report.trainLoss(),
                report.validationLoss(),
                seconds,
                scale.bitsPerCharacter(report.trainLoss()),
                scale.bitsPerCharacter(report.validationLoss()));
        StepWindow window = figures.sinceEvaluation();
        if (window.steps() == 0) {
            return losses + ",,,,,\n";
        }
        var share = scale.fractionOfPeak(window.tokensPerSecond());
        return losses
                + String.format(
                        Locale.ROOT,
                        ",%.6g,%.6g,%d,%.0f,%s\n",
                        window.learningRate(),
                        window.gradientNorm(),
                        window.clipped(),
                        window.tokensPerSecond(),
                        share.isPresent() ? String.format(Locale.ROOT, "%.4g", share.getAsDouble()) : "");
    }

    @Override
    public void onEnd(TrainResult result) {
        if (log.isBegun()) {
            log.flush();
        }
    }

    /** @return since the run started, without the time that it stood still */
    public double seconds() {
        return Math.round((secondsBefore + (System.nanoTime() - start) / 1e9) * 1e3) / 1e3;
    }
}
