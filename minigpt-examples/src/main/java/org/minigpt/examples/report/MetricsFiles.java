package org.minigpt.examples.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.minigpt.train.EvalReport;
import org.minigpt.train.StepReport;
import org.minigpt.train.TrainListener;
import org.minigpt.train.TrainResult;
import org.minigpt.util.AtomicFiles;
import org.minigpt.util.MiniGptException;

/**
 * The figures of a run for programs: {@code metrics.jsonl}, a JSON object a line for each step and each evaluation,
 * which grows during the run; and {@code metrics.csv}, a row for each evaluation. Nothing is written before
 * {@link #begin}, so that a run which fails early leaves the figures of the model that is there.
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
    private final Scale scale;
    private final StepWindow window;
    private final long start = System.nanoTime();
    private final StringBuilder csv = new StringBuilder(CSV_HEADER);
    private final StringBuilder waiting = new StringBuilder();
    private boolean begun;
    private long lastFlush = start;

    /** @param folder made when it is first written to */
    public MetricsFiles(Path folder, Scale scale) {
        this.folder = folder;
        this.scale = scale;
        window = new StepWindow(scale);
    }

    /** Replaces the files of an earlier run by this one's. */
    public void begin() {
        if (!begun) {
            AtomicFiles.write(folder.resolve(JSON_LINES), out -> {});
            begun = true;
            flush();
            writeCsv();
        }
    }

    /**
     * Goes on with the files of a run that was stopped, as they were after this many steps; begins anew if there are none.
     *
     * @throws MiniGptException if they can't be read
     */
    public void resume(long iteration) {
        Path lines = folder.resolve(JSON_LINES);
        if (!Files.exists(lines) || !Files.exists(folder.resolve(CSV))) {
            return;
        }
        try {
            StringBuilder kept = new StringBuilder();
            for (String line : Files.readAllLines(lines)) {
                // A crash may have left the last line unfinished.
                if (line.endsWith("}") && isBefore(JSON.readTree(line), iteration)) {
                    kept.append(line).append('\n');
                }
            }
            Files.readAllLines(folder.resolve(CSV)).stream()
                    .skip(1)
                    .filter(row -> Long.parseLong(row.split(",")[0]) <= iteration)
                    .forEach(row -> csv.append(row).append('\n'));
            AtomicFiles.write(lines, out -> out.write(kept.toString().getBytes(StandardCharsets.UTF_8)));
        } catch (IOException | NumberFormatException e) {
            throw new MiniGptException(
                    "The metrics in " + folder + " can't be read (" + e + "): move them away, or choose another"
                            + " --out-dir.",
                    e);
        }
        begun = true;
        writeCsv();
    }

    private static boolean isBefore(JsonNode line, long iteration) {
        long of = line.path("iteration").asLong();
        return line.path("type").asText().equals("step") ? of < iteration : of <= iteration;
    }

    /** @return iteration, training loss and validation loss of each evaluation */
    List<double[]> evaluations() {
        return csv.toString()
                .lines()
                .skip(1)
                .map(row -> Arrays.stream(row.split(","))
                        .limit(3)
                        .mapToDouble(Double::parseDouble)
                        .toArray())
                .toList();
    }

    @Override
    public void onStep(StepReport report) {
        window.add(report);
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
        append(line);
    }

    @Override
    public void onEvaluation(EvalReport report) {
        ObjectNode line = JSON.createObjectNode();
        line.put("type", "evaluation");
        line.put("iteration", report.iteration());
        line.put("seconds", seconds());
        line.put("train_loss", report.trainLoss());
        line.put("val_loss", report.validationLoss());
        line.put("train_bits_per_char", scale.bitsPerCharacter(report.trainLoss()));
        line.put("val_bits_per_char", scale.bitsPerCharacter(report.validationLoss()));
        line.put("best", report.best());
        append(line);
        csv.append(row(report));
        window.clear();
        if (begun) {
            flush();
            writeCsv();
        }
    }

    /** What concerns steps is empty if there were none. */
    private String row(EvalReport report) {
        String losses = String.format(
                Locale.ROOT,
                "%d,%.6f,%.6f,%.1f,%.6f,%.6f",
                report.iteration(),
                report.trainLoss(),
                report.validationLoss(),
                seconds(),
                scale.bitsPerCharacter(report.trainLoss()),
                scale.bitsPerCharacter(report.validationLoss()));
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
        if (begun) {
            flush();
        }
    }

    private double seconds() {
        return Math.round((System.nanoTime() - start) / 1e6) / 1e3;
    }

    private void append(ObjectNode line) {
        waiting.append(line).append('\n');
        if (begun && System.nanoTime() - lastFlush >= FLUSH_NANOS) {
            flush();
        }
    }

    private void flush() {
        Path lines = folder.resolve(JSON_LINES);
        try (BufferedWriter out = Files.newBufferedWriter(lines, StandardCharsets.UTF_8, StandardOpenOption.APPEND)) {
            out.append(waiting);
        } catch (IOException e) {
            throw new MiniGptException(lines + " can't be written (" + e + "): make room, and leave it in place.", e);
        }
        waiting.setLength(0);
        lastFlush = System.nanoTime();
    }

    private void writeCsv() {
        AtomicFiles.write(folder.resolve(CSV), out -> out.write(csv.toString().getBytes(StandardCharsets.UTF_8)));
    }
}
