package org.minigpt.examples.cli;

import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Supplier;
import org.minigpt.checkpoint.Checkpoint;
import org.minigpt.checkpoint.Checkpoints;
import org.minigpt.examples.bench.ModelFlops;
import org.minigpt.examples.report.Progress;
import org.minigpt.examples.report.RunFolder;
import org.minigpt.examples.report.Scale;
import org.minigpt.examples.report.TrainingReport;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.generate.TextGenerator;
import org.minigpt.io.ModelFolder;
import org.minigpt.kernels.SgemmPeak;
import org.minigpt.model.Gpt;
import org.minigpt.model.Lora;
import org.minigpt.model.Trainable;
import org.minigpt.text.Tokenizer;
import org.minigpt.train.TrainConfig;
import org.minigpt.train.TrainResult;
import org.minigpt.train.Trainer;

/** A run of {@code minigpt train}: the trainer, with all that shows what it does and keeps what it made. */
final class TrainingRun {
    private final Gpt gpt;
    private final Tokenizer tokenizer;
    private final TrainConfig config;
    private final Scale scale;
    private final Trainer trainer;
    private final RunFolder folder;
    private final RunRecord record;
    private final Checkpoints checkpoints;

    /**
     * @param trained the model, or an adapter to it
     * @param startingModel the SHA-256 of the model that the run began with, if it began with one
     * @param options all that are to be recorded, as {@code --from-run} reads them
     * @param replicas among how many threads a batch is shared out
     * @param from the checkpoint that the run goes on from, with the figures that the run in the folder had there
     */
    TrainingRun(
            Trainable trained,
            TrainingData text,
            Optional<String> startingModel,
            TrainConfig config,
            OutputOptions output,
            int replicas,
            Map<String, String> options,
            Optional<Checkpoint> from) {
        gpt = trained.model();
        this.config = config;
        tokenizer = text.tokenizer();
        trainer = new Trainer(trained, text.dataset(), config);
        from.ifPresent(checkpoint -> checkpoint.restore(trainer));
        Optional<Lora> adapter = trained instanceof Lora lora ? Optional.of(lora) : Optional.empty();
        trainer.addListener(new AdapterFolder(output.outDir.resolve(AdapterFolder.NAME), adapter, config.maxIters()));
        String title = String.format(Locale.ROOT, "%s, %,d parameters", text.name(), gpt.parameterCount());
        OptionalDouble peak = output.peak ? OptionalDouble.of(SgemmPeak.gflops(replicas, 1)) : OptionalDouble.empty();
        scale = new Scale(
                Scale.charactersPerToken(text.dataset().validation(), tokenizer),
                config.gradClip(),
                ModelFlops.ofStep(gpt.config(), 1),
                peak);
        folder = new RunFolder(output.outDir, title, gpt, tokenizer, config.maxIters(), scale);
        record = new RunRecord(
                output.outDir,
                options,
                text,
                startingModel,
                gpt.parameterCount(),
                scale,
                () -> folder.savedIteration().isPresent());
        if (from.isPresent()) {
            folder.resume(trainer.iteration());
            record.resume(trainer.state());
        }
        checkpoints = Checkpoints.of(output.outDir.resolve(Resumption.CHECKPOINTS), trainer)
                .model(checkpoint -> {
                    ModelFolder.save(checkpoint, gpt, tokenizer);
                    record.writeTo(checkpoint);
                })
                .interval(output.checkpointInterval)
                .keep(output.keepCheckpoints)
                .build();
    }

    /**
     * Trains.
     *
     * @param sampling how the model writes at each evaluation
     * @return the exit code, 130 if it was interrupted
     */
    int run(SamplingOptions sampling, TrainingSummary summary) {
        TextGenerator generator = new TextGenerator(gpt, tokenizer);
        Supplier<String> sample = () -> generator.generate("", sampling);
        Interruption interruption = new Interruption(trainer::stop);
        try {
            TrainResult result;
            try (Progress progress = Progress.of(summary.out(), System.err, config.maxIters())) {
                trainer.addListener(new TrainingReport(progress, sample, scale))
                        .addListener(folder)
                        .addListener(record)
                        .addListener(checkpoints);
                result = trainer.run();
            }
            summary.printEnd(config, result, folder.savedIteration(), checkpoints.lastSaved());
            return result.stopped() ? Interruption.EXIT_CODE : 0;
        } finally {
            interruption.runHasEnded();
        }
    }
}
