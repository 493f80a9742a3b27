package org.minigpt.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.minigpt.MiniGptException;
import org.minigpt.checkpoint.Checkpoints;
import org.minigpt.cli.bench.SgemmPeak;
import org.minigpt.cli.report.MetricsFiles;
import org.minigpt.cli.report.ModelFlops;
import org.minigpt.cli.report.Progress;
import org.minigpt.cli.report.RunFolder;
import org.minigpt.cli.report.RunScale;
import org.minigpt.cli.report.TrainingReport;
import org.minigpt.files.AtomicFiles;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.generate.TextGenerator;
import org.minigpt.generate.TextStream;
import org.minigpt.io.ModelFolder;
import org.minigpt.model.Gpt;
import org.minigpt.model.Lora;
import org.minigpt.model.Trainable;
import org.minigpt.train.TrainConfig;
import org.minigpt.train.TrainResult;
import org.minigpt.train.Trainer;

/** A run of {@code minigpt train}: the trainer, with all that shows what it does and keeps what it made. */
final class TrainingRun {
    private static final List<String> RECORD =
            List.of(MetricsFiles.JSON_LINES, MetricsFiles.CSV, RunFolder.CURVE, RunRecord.FILE, Settings.OF_RUN);

    private final Gpt gpt;
    private final TrainingData text;
    private final TrainConfig config;
    private final Path outDir;
    private final Optional<Resumption> from;
    private final RunScale scale;
    private final Trainer trainer;
    private final RunFolder folder;
    private final Checkpoints checkpoints;
    private final AtomicBoolean stopped = new AtomicBoolean();

    /**
     * @param trained the model, or an adapter to it
     * @param chatTemplate that is saved with the model
     * @param startingModel the SHA-256 of the model that the run began with, if it began with one
     * @param options all that are to be recorded, as {@code --from-run} reads them
     * @param replicas among how many threads a batch is shared out
     * @param from where the run goes on, with the figures that it had there
     * @param cluster that computes, if it is not this machine
     * @throws MiniGptException if the cluster can't train this
     */
    TrainingRun(
            Trainable trained,
            TrainingData text,
            Optional<String> chatTemplate,
            Optional<String> startingModel,
            TrainConfig config,
            OutputOptions output,
            int replicas,
            Map<String, String> options,
            Optional<Resumption> from,
            Optional<ClusterTraining.Cluster> cluster) {
        gpt = trained.model();
        this.config = config;
        this.from = from;
        outDir = output.outDir;
        this.text = text;
        if (cluster.isPresent() && (trained instanceof Lora || text.answers().isPresent())) {
            throw new MiniGptException("A cluster trains all parameters of a model on texts, neither adapters nor"
                    + " conversations: leave --spark-master out.");
        }
        trainer = cluster.map(machines -> machines.trainer(gpt, text.dataset(), config))
                .orElseGet(() -> text.trainer(trained, config));
        from.map(Resumption::checkpoint)
                .ifPresent(checkpoint -> cluster.ifPresentOrElse(
                        machines -> machines.restore(checkpoint, trainer), () -> checkpoint.restore(trainer)));
        String title = String.format(Locale.ROOT, "%s, %,d parameters", text.name(), gpt.parameterCount());
        OptionalDouble peak = output.peak ? OptionalDouble.of(SgemmPeak.gflops(replicas, 1)) : OptionalDouble.empty();
        scale = new RunScale(
                RunScale.charactersPerToken(text.dataset().validation(), text.tokenizer()),
                config.gradClip(),
                ModelFlops.ofStep(gpt.config(), 1),
                peak);
        Consumer<Path> model = dir -> ModelFolder.save(dir, gpt, text.tokenizer(), chatTemplate);
        folder = new RunFolder(outDir, title, model, config.maxIters(), scale);
        from.ifPresent(resumption -> folder.restore(resumption.checkpoint(), resumption.folder()));
        RunRecord record = new RunRecord(
                trainer.state().started(), options, text, startingModel, gpt.parameterCount(), folder.metrics());
        checkpoints = Checkpoints.of(outDir.resolve(Resumption.CHECKPOINTS), trainer)
                .model(checkpoint -> {
                    model.accept(checkpoint);
                    record.writeTo(checkpoint, Optional.empty());
                    folder.saveTo(checkpoint);
                    cluster.ifPresent(machines -> machines.saveWorkers(checkpoint));
                })
                .interval(output.checkpointInterval)
                .keep(output.keepCheckpoints)
                .build();
        folder.first(checkpoints);
        AdapterFolder adapter = new AdapterFolder(
                outDir.resolve(AdapterFolder.NAME),
                trained instanceof Lora lora ? Optional.of(lora) : Optional.empty());
        folder.thenModel(adapter::save);
        folder.thenRecord(result -> record.writeTo(outDir, result));
    }

    /**
     * Trains.
     *
     * @param sampling how the model writes at each evaluation
     * @return the exit code, 130 if it was interrupted
     * @throws org.minigpt.MiniGptException if another process trains in the folder
     */
    int run(SamplingOptions sampling, TrainingSummary summary) {
        Interruption interruption = new Interruption(() -> {
            stopped.set(true);
            trainer.stop();
        });
        // The lock is given back before the JVM may end.
        try {
            try (RunLock lock = RunLock.take(outDir)) {
                from.ifPresent(Resumption::requireUnchanged);
                RECORD.forEach(name -> AtomicFiles.sweep(outDir.resolve(name)));
                lock.claim(trainer.state().started());
                return train(sampling, summary);
            }
        } finally {
            interruption.runHasEnded();
        }
    }

    private int train(SamplingOptions sampling, TrainingSummary summary) {
        if (checkpoints.isNewest()) {
            folder.catchUp();
        }
        TextGenerator generator = new TextGenerator(gpt, text.tokenizer());
        TrainResult result;
        try (Progress progress = Progress.of(summary.out(), System.err, config.maxIters())) {
            TrainingReport report = new TrainingReport(progress, () -> sample(generator, sampling), scale);
            report.goOn(folder.metrics().figures());
            result = trainer.addListener(folder).addListener(report).run();
        }
        summary.printEnd(config, result, folder.savedIteration(), checkpoints.lastSaved());
        return result.stopped() ? Interruption.EXIT_CODE : 0;
    }

    /** What the model writes now; cut short when the run is to stop. */
    private String sample(TextGenerator generator, SamplingOptions options) {
        StringBuilder written = new StringBuilder();
        try (TextStream pieces = generator.open(text.prompt(), options)) {
            while (!stopped.get() && pieces.hasNext()) {
                written.append(pieces.next());
            }
        }
        return written.toString();
    }
}
