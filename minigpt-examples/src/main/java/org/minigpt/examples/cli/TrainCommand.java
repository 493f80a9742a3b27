package org.minigpt.examples.cli;

import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import org.minigpt.checkpoint.Checkpoints;
import org.minigpt.data.Batch;
import org.minigpt.data.RandomWindows;
import org.minigpt.examples.bench.ModelFlops;
import org.minigpt.examples.report.Progress;
import org.minigpt.examples.report.RunFolder;
import org.minigpt.examples.report.Scale;
import org.minigpt.examples.report.TrainingReport;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.generate.TextGenerator;
import org.minigpt.graph.Parameter;
import org.minigpt.io.ModelFolder;
import org.minigpt.kernels.SgemmPeak;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.text.Tokenizer;
import org.minigpt.train.TrainConfig;
import org.minigpt.train.TrainResult;
import org.minigpt.train.Trainer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code minigpt train}: from a text to a model in a folder. */
@Command(
        name = "train",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        abbreviateSynopsis = true,
        header = "Trains a model on a text, character by character.",
        description = {
            "The defaults are the small GPT of Karpathy's lecture, 0.2 million parameters; options are named as in"
                    + " nanoGPT. Defaults stand in brackets.",
            ""
        },
        footerHeading = "%n",
        footer = {
            "At each evaluation but that before the first step the model is saved, replacing one that is there, with"
                    + " what the run was and did beside it: docs/training.md explains the files. Ctrl-C ends the run after the present step and"
                    + " saves a checkpoint, from which --resume goes on; the exit code is 130.",
            "",
            "nanoGPT's run on a CPU, for fewer steps; and once more:",
            "  minigpt train --preset nanogpt-cpu --max-iters 1000 --out-dir out",
            "  minigpt train --from-run out",
            "",
            "On from its newest checkpoint, after Ctrl-C or a crash:",
            "  minigpt train --resume out"
        })
final class TrainCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin(name = "Where options come from")
    private SettingsOptions settings = new SettingsOptions();

    @Mixin(name = "Data")
    private DataOptions data = new DataOptions();

    @Mixin(name = "Model")
    private ModelOptions model = new ModelOptions();

    @Mixin(name = "Training")
    private TrainingOptions.Run run = new TrainingOptions.Run();

    @Mixin(name = "Optimizer (AdamW)")
    private TrainingOptions.Optimizer optimizer = new TrainingOptions.Optimizer();

    @Mixin(name = "Learning rate over time")
    private TrainingOptions.Schedule schedule = new TrainingOptions.Schedule();

    @Mixin(name = "Evaluation and output")
    private Output output = new Output();

    private static final class Output {
        @Option(
                names = "--eval-interval",
                paramLabel = "N",
                defaultValue = "500",
                description = "Steps from one evaluation to the next [${DEFAULT-VALUE}].")
        private int evalInterval;

        @Option(
                names = "--eval-iters",
                paramLabel = "N",
                defaultValue = "200",
                description = "Random batches of each split in an evaluation; 0 for all of both [${DEFAULT-VALUE}].")
        private int evalIters;

        @Option(
                names = "--sample-tokens",
                paramLabel = "N",
                defaultValue = "120",
                description = "Tokens of the sample at each evaluation; 0 for none [${DEFAULT-VALUE}].")
        private int sampleTokens;

        @Option(
                names = "--out-dir",
                paramLabel = "DIR",
                defaultValue = "out",
                description = "The model's folder [${DEFAULT-VALUE}].")
        private Path outDir;

        @Option(
                names = "--checkpoint-interval",
                paramLabel = "N",
                defaultValue = "0",
                description = "Steps from one checkpoint to the next, besides those of evaluations; 0 for no others"
                        + " [${DEFAULT-VALUE}].")
        private int checkpointInterval;

        @Option(
                names = "--keep-checkpoints",
                paramLabel = "N",
                defaultValue = "2",
                description = "How many of the newest checkpoints stay, besides that of the best evaluation"
                        + " [${DEFAULT-VALUE}].")
        private int keepCheckpoints;

        @Option(
                names = "--peak",
                negatable = true,
                defaultValue = "true",
                fallbackValue = "true",
                description = "Measure this machine's peak for a quarter of a second, to report speeds as shares of it"
                        + " [${DEFAULT-VALUE}].")
        private boolean peak;
    }

    @Override
    public Integer call() {
        schedule.conflict().ifPresent(message -> {
            throw new ParameterException(spec.commandLine(), message);
        });
        PrintStream out = System.out;
        TrainConfig config = config();
        Checks.requireNotNegative("--sample-tokens", output.sampleTokens);
        SamplingOptions sampling =
                SamplingOptions.builder().maxNewTokens(output.sampleTokens).build();

        Optional<Resumption> resumption = Optional.ofNullable(settings.resume).map(Resumption::of);
        TrainingData text = data.open();
        Tokenizer tokenizer = text.tokenizer();
        GptConfig shape = model.config(tokenizer.vocabSize());
        text.dataset().requireWindows(shape.blockSize());
        Checks.requireAtLeastOne("--replicas", run.replicas());
        if (settings.fromRun != null && !isGiven("--data")) {
            RunRecord.requireSameData(settings.fromRun, text);
        }
        if (settings.fromRun != null && !isGiven("--out-dir")) {
            output.outDir = settings.fromRun.resolveSibling(settings.fromRun.getFileName() + "-again");
        }
        if (resumption.isPresent()) {
            Path checkpoint = resumption.get().checkpoint().path();
            if (!isGiven("--data")) {
                RunRecord.requireSameData(checkpoint, text);
            }
            if (!isGiven("--out-dir")) {
                output.outDir = resumption.get().folder();
            }
        }
        if (!run.overfitOneBatch) {
            OutDir.require(output.outDir);
        }
        printSummary(out, text, shape); // before a large model takes its time to be made

        Gpt gpt = Gpt.builder(shape).seed(run.seed).replicas(run.replicas()).build();
        if (run.overfitOneBatch) {
            Batch first =
                    new RandomWindows(text.dataset().train(), run.batchSize, shape.blockSize(), run.seed).batch(0);
            return OverfitCheck.run(gpt, first, config, out);
        }
        Trainer trainer = new Trainer(gpt, text.dataset(), config);
        resumption.ifPresent(from -> from.checkpoint().restore(trainer));
        TextGenerator generator = new TextGenerator(gpt, tokenizer);
        Supplier<String> sample = () -> generator.generate("", sampling);
        String title = String.format(Locale.ROOT, "%s, %,d parameters", text.name(), gpt.parameterCount());
        Scale scale = scale(text, gpt);
        RunFolder folder = new RunFolder(output.outDir, title, gpt, tokenizer, config.maxIters(), scale);
        RunRecord record = new RunRecord(
                output.outDir,
                options(),
                text,
                gpt.parameterCount(),
                scale,
                () -> folder.savedIteration().isPresent());
        resumption.ifPresent(from -> {
            folder.resume(trainer.iteration());
            record.resume(trainer.state());
        });
        Checkpoints checkpoints = Checkpoints.of(output.outDir.resolve(Resumption.CHECKPOINTS), trainer)
                .model(checkpoint -> {
                    ModelFolder.save(checkpoint, gpt, tokenizer);
                    record.writeTo(checkpoint);
                })
                .interval(output.checkpointInterval)
                .keep(output.keepCheckpoints)
                .build();
        Interruption interruption = new Interruption(trainer::stop);
        try {
            TrainResult result;
            try (Progress progress = Progress.of(out, System.err, config.maxIters())) {
                trainer.addListener(new TrainingReport(progress, sample, scale))
                        .addListener(folder)
                        .addListener(record)
                        .addListener(checkpoints);
                result = trainer.run();
            }
            printEnd(out, result, folder, checkpoints);
            return result.stopped() ? Interruption.EXIT_CODE : 0;
        } finally {
            interruption.runHasEnded();
        }
    }

    private boolean isGiven(String option) {
        return spec.commandLine().getParseResult().hasMatchedOption(option);
    }

    private Scale scale(TrainingData text, Gpt gpt) {
        OptionalDouble peak =
                output.peak ? OptionalDouble.of(SgemmPeak.gflops(run.replicas(), 1)) : OptionalDouble.empty();
        return new Scale(
                Scale.charactersPerToken(text.dataset().validation(), text.tokenizer()),
                optimizer.gradClip,
                ModelFlops.ofStep(gpt.config(), 1),
                peak);
    }

    /** All options with their values, as {@code --from-run} reads them. */
    private Map<String, String> options() {
        Map<String, String> values = new TreeMap<>();
        for (OptionSpec option : spec.options()) {
            Object value = option.getValue();
            if (Settings.isSetting(option) && value != null) {
                values.put(
                        option.longestName().substring(2),
                        value instanceof Enum<?> constant ? EnumOption.spell(constant) : value.toString());
            }
        }
        values.put("data", data.fromAnywhere());
        // Another number of threads would be another run, in the last bits.
        values.put("replicas", String.valueOf(run.replicas()));
        values.remove("out-dir"); // a run that is repeated must not replace itself
        return values;
    }

    private TrainConfig config() {
        return TrainConfig.builder()
                .batchSize(run.batchSize)
                .gradientAccumulationSteps(run.gradientAccumulationSteps)
                .maxIters(run.maxIters)
                .learningRate(schedule.rate(optimizer.learningRate, run.maxIters))
                .adamW(optimizer.adamW())
                .gradClip(optimizer.gradClip)
                .evalInterval(output.evalInterval)
                .evalIters(output.evalIters)
                .patience(run.patience)
                .skipOutliers(run.skipOutliers)
                .seed(run.seed)
                .build();
    }

    private void printSummary(PrintStream out, TrainingData text, GptConfig shape) {
        long train = text.dataset().train().length();
        long validation = text.dataset().validation().length();
        out.printf(
                Locale.ROOT,
                "data      %s: %,d characters, %,d of them different; %,d to train, %,d to validate%n",
                text.name(),
                train + validation,
                text.tokenizer().vocabSize(),
                train,
                validation);
        out.printf(
                Locale.ROOT,
                "model     %,d parameters: %d layers, %d heads, %d wide, %d tokens of context%n",
                Gpt.declaredParameters(shape).stream()
                        .mapToLong(Parameter::length)
                        .sum(),
                shape.nLayer(),
                shape.nHead(),
                shape.nEmbd(),
                shape.blockSize());
        out.printf(
                Locale.ROOT,
                "training  %,d steps of %,d x %,d tokens, seed %d%n",
                run.maxIters,
                run.batchSize,
                shape.blockSize(),
                run.seed);
        if (run.overfitOneBatch) {
            out.printf("saved     nothing, this is a check on the first batch%n%n");
            return;
        }
        boolean replaces = settings.resume == null && Files.exists(output.outDir.resolve(ModelFolder.WEIGHTS));
        out.printf(
                "saved     in %s at each evaluation%s%n%n",
                output.outDir.toAbsolutePath().normalize(),
                replaces ? "; the first after step 0 replaces the model that is there" : "");
    }

    private void printEnd(PrintStream out, TrainResult result, RunFolder folder, Checkpoints checkpoints) {
        if (result.stopped()) {
            out.printf(Locale.ROOT, "%nStopped after %,d steps. ", result.iterations());
        } else {
            out.println();
        }
        if (result.outOfPatience()) {
            out.printf(
                    Locale.ROOT,
                    "The validation loss has not fallen for %d evaluations, so the run ended after %,d steps.%n",
                    run.patience,
                    result.iterations());
        }
        if (result.skippedSteps() > 0) {
            out.printf(Locale.ROOT, "%,d steps were outliers and skipped.%n", result.skippedSteps());
        }
        Path dir = output.outDir.toAbsolutePath().normalize();
        if (folder.savedIteration().isPresent()) {
            out.printf(
                    Locale.ROOT,
                    "The model of iteration %,d is in %s, with metrics.csv and loss.png.%n",
                    folder.savedIteration().getAsLong(),
                    dir);
            out.printf("Let it write: minigpt sample --model %s%n", output.outDir);
        } else {
            out.printf("There was no evaluation after the first step yet, so no model was saved in %s.%n", dir);
        }
        if (result.stopped() && checkpoints.lastSaved().isPresent()) {
            out.printf("Go on: minigpt train --resume %s%n", output.outDir);
        }
    }
}
