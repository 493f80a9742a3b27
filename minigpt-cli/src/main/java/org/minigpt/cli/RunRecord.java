package org.minigpt.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.minigpt.MiniGptException;
import org.minigpt.cli.report.MetricsFiles;
import org.minigpt.cli.report.PeakMemory;
import org.minigpt.cli.report.RunFigures;
import org.minigpt.cli.report.RunScale;
import org.minigpt.files.AtomicFiles;
import org.minigpt.runtime.MiniGptRuntime;
import org.minigpt.train.EvalReport;
import org.minigpt.train.TrainResult;

/**
 * What a run was, beside its model: {@code train.properties}, by which {@code --from-run} repeats it, and
 * {@code run.json} with the versions, the machine, the data and the results.
 */
final class RunRecord {
    static final String FILE = "run.json";

    private static final String PROPERTIES = "The options of this run; --from-run repeats it.";

    private static final String MACHINE = "machine";
    private static final String KERNELS = "kernels";
    private static final String STARTING_MODEL = "init_from_sha256";

    private static final JsonMapper JSON = new JsonMapper();
    private static final ObjectWriter WRITER = JSON.writerWithDefaultPrettyPrinter();

    private final Map<String, String> settings;
    private final MetricsFiles metrics;
    private final RunScale scale;
    private final ObjectNode json = JSON.createObjectNode();

    /**
     * @param started when the run began; of a checkpoint of an earlier version that is the epoch, for not known
     * @param settings every option of the run
     * @param startingModel the SHA-256 of the model that it began with, if it began with one
     * @param metrics what it does
     */
    RunRecord(
            Instant started,
            Map<String, String> settings,
            TrainingData data,
            Optional<String> startingModel,
            long parameters,
            MetricsFiles metrics) {
        this.settings = settings;
        this.metrics = metrics;
        scale = metrics.figures().scale();
        if (!started.equals(Instant.EPOCH)) {
            json.put("started", started.toString());
        }
        json.put("seed", settings.get("seed"));
        json.set("config", JSON.valueToTree(settings));
        json.set("versions", JSON.valueToTree(Version.all()));
        json.set(MACHINE, machine());
        ObjectNode text = json.putObject("data");
        text.put("name", settings.get("data"));
        data.sha256().ifPresent(hash -> text.put("sha256", hash));
        text.put("train_tokens", data.dataset().train().length());
        text.put("val_tokens", data.dataset().validation().length());
        text.put("vocab_size", data.tokenizer().vocabSize());
        text.put("chars_per_token", scale.charactersPerToken());
        startingModel.ifPresent(hash -> json.put(STARTING_MODEL, hash));
        json.put("parameters", parameters);
    }

    private ObjectNode machine() {
        ObjectNode machine = JSON.createObjectNode();
        machine.put("os", System.getProperty("os.name") + " " + System.getProperty("os.arch"));
        machine.put("processor", Processor.name());
        machine.put("processors", Runtime.getRuntime().availableProcessors());
        machine.put("max_heap_mb", Runtime.getRuntime().maxMemory() >> 20);
        machine.put(KERNELS, MiniGptRuntime.kernels());
        scale.peakGflops().ifPresent(peak -> machine.put("sgemm_peak_gflops", rounded(peak, 1)));
        return machine;
    }

    /**
     * Writes both files.
     *
     * @param result of the run, if it has ended
     */
    void writeTo(Path folder, Optional<TrainResult> result) {
        json.set("results", results(result));
        AtomicFiles.write(folder.resolve(FILE), out -> WRITER.writeValue(out, json));
        AtomicFiles.write(
                folder.resolve(Settings.OF_RUN),
                out -> out.write(SettingsFile.format(PROPERTIES, settings).getBytes(StandardCharsets.UTF_8)));
    }

    private ObjectNode results(Optional<TrainResult> result) {
        RunFigures figures = metrics.figures();
        ObjectNode results = JSON.createObjectNode();
        results.put("iterations", figures.iterations());
        figures.lastEvaluation().ifPresent(report -> put(results, "", report));
        figures.bestEvaluation().ifPresent(report -> {
            put(results, "best_", report);
            results.put("best_iteration", report.iteration());
        });
        results.put("steps", figures.steps());
        results.put("clipped_steps", figures.clipped());
        results.put("skipped_steps", figures.skipped());
        results.put("seconds", rounded(metrics.seconds(), 1));
        if (figures.steps() > 0) {
            double tokensPerSecond = figures.tokensPerSecond();
            results.put("tokens_per_second", rounded(tokensPerSecond, 0));
            scale.fractionOfPeak(tokensPerSecond)
                    .ifPresent(share -> results.put(
                            "fraction_of_peak", Double.parseDouble(String.format(Locale.ROOT, "%.4g", share))));
        }
        PeakMemory.megabytes().ifPresent(megabytes -> results.put("peak_memory_mb", rounded(megabytes, 1)));
        result.ifPresent(end -> {
            results.put("stopped", end.stopped());
            results.put("finished", true);
        });
        return results;
    }

    private void put(ObjectNode results, String prefix, EvalReport report) {
        results.put(prefix + "train_loss", report.trainLoss());
        results.put(prefix + "val_loss", report.validationLoss());
        results.put(prefix + "val_bits_per_char", scale.bitsPerCharacter(report.validationLoss()));
    }

    /**
     * Checks that a run is repeated on its own text.
     *
     * @param run the folder of the run
     * @param sameTokens whether it is to be cut and encoded as it was then
     * @throws MiniGptException if the text is another one, by what {@code run.json} says
     */
    static void requireSameData(Path run, TrainingData data, boolean sameTokens) {
        JsonNode then = read(run).path("data");
        String hash = then.path("sha256").asText("");
        boolean sameLengths =
                then.path("train_tokens").asLong() == data.dataset().train().length()
                        && then.path("val_tokens").asLong()
                                == data.dataset().validation().length();
        if (!hash.equals(data.sha256().orElse("")) || sameTokens && !sameLengths) {
            throw new MiniGptException(data.name() + " is not the text that the run in " + run
                    + " was trained on: restore it, or name what to train on with --data.");
        }
    }

    /**
     * Checks that a run is repeated from the model that it began with.
     *
     * @param run the folder of the run
     * @param folder of the model
     * @throws MiniGptException if that is another one, by what {@code run.json} says
     */
    static void requireSameStart(Path run, Path folder, StartingModel start) {
        Optional<String> then = startingModel(run);
        if (then.isPresent() && !then.equals(start.sha256())) {
            throw new MiniGptException("The model in " + folder + " is not the one that the run in " + run
                    + " began with: restore it, or name what to begin with by --init-from.");
        }
    }

    /** @return the SHA-256 of the model that a run began with, if its {@code run.json} has one */
    static Optional<String> startingModel(Path run) {
        return Optional.ofNullable(read(run).path(STARTING_MODEL).textValue());
    }

    /** @return the kernels that a run was on, as {@link MiniGptRuntime#kernels}, if its {@code run.json} has them */
    static Optional<String> kernels(Path run) {
        if (!Files.exists(run.resolve(FILE))) {
            return Optional.empty();
        }
        return Optional.ofNullable(read(run).path(MACHINE).path(KERNELS).textValue());
    }

    private static JsonNode read(Path run) {
        Path file = run.resolve(FILE);
        try {
            return JSON.readTree(file.toFile());
        } catch (IOException e) {
            throw new MiniGptException(
                    file + " can't be read (" + e + "): give the folder of a run, or the data with --data.", e);
        }
    }

    private static double rounded(double value, int digits) {
        return Double.parseDouble(String.format(Locale.ROOT, "%." + digits + "f", value));
    }
}
