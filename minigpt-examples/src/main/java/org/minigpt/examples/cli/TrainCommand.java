package org.minigpt.examples.cli;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.minigpt.checkpoint.Checkpoint;
import org.minigpt.data.Batch;
import org.minigpt.data.RandomWindows;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.text.Tokenizer;
import org.minigpt.train.TrainConfig;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code minigpt train}: from a text to a model in a folder. */
@Command(
        name = "train",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        abbreviateSynopsis = true,
        header = "Trains a model on a text, character by character or in tokens of another kind.",
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

    @Mixin(name = "Tokens")
    private TokenizerOptions tokens = new TokenizerOptions();

    @Mixin(name = "Model")
    private ModelOptions model = new ModelOptions();

    @Mixin(name = "Training")
    private TrainingOptions.Run run = new TrainingOptions.Run();

    @Mixin(name = "Optimizer (AdamW)")
    private TrainingOptions.Optimizer optimizer = new TrainingOptions.Optimizer();

    @Mixin(name = "Learning rate over time")
    private TrainingOptions.Schedule schedule = new TrainingOptions.Schedule();

    @Mixin(name = "Evaluation and output")
    private OutputOptions output = new OutputOptions();

    @Override
    public Integer call() {
        schedule.conflict().ifPresent(message -> {
            throw new ParameterException(spec.commandLine(), message);
        });
        TrainConfig config = config();
        Checks.requireNotNegative("--sample-tokens", output.sampleTokens);
        SamplingOptions sampling =
                SamplingOptions.builder().maxNewTokens(output.sampleTokens).build();

        Optional<Resumption> resumption = Optional.ofNullable(settings.resume).map(Resumption::of);
        TrainingData text = open(resumption);
        GptConfig shape = model.config(text.tokenizer().vocabSize());
        text.dataset().requireWindows(shape.blockSize());
        Checks.requireAtLeastOne("--replicas", run.replicas());
        if (settings.fromRun != null) {
            Path again = settings.fromRun.resolveSibling(settings.fromRun.getFileName() + "-again");
            takeFrom(settings.fromRun, again, text);
        }
        resumption.ifPresent(from -> takeFrom(from.checkpoint().path(), from.folder(), text));
        if (!run.overfitOneBatch) {
            OutDir.require(output.outDir);
        }
        PrintStream out = System.out;
        TrainingSummary summary = new TrainingSummary(out, output.outDir);
        summary.printBefore(text, shape, config); // before a large model takes its time to be made
        if (run.overfitOneBatch) {
            summary.printNothingSaved();
        } else {
            summary.printSaved(resumption.isPresent());
        }

        Gpt gpt = Gpt.builder(shape).seed(run.seed).replicas(run.replicas()).build();
        if (run.overfitOneBatch) {
            Batch first =
                    new RandomWindows(text.dataset().train(), run.batchSize, shape.blockSize(), run.seed).batch(0);
            return OverfitCheck.run(gpt, first, config, out);
        }
        Optional<Checkpoint> from = resumption.map(Resumption::checkpoint);
        return new TrainingRun(gpt, text, config, output, run.replicas(), options(), from).run(sampling, summary);
    }

    /** A run that goes on or is repeated has its tokenizer beside its model, wherever it came from. */
    private TrainingData open(Optional<Resumption> resumption) {
        Path earlier = resumption.map(from -> from.checkpoint().path()).orElse(settings.fromRun);
        Optional<Tokenizer> tokenizer =
                earlier != null && !isGiven("--tokenizer") ? tokens.load(earlier) : tokens.load();
        return tokenizer.map(data::open).orElseGet(data::open);
    }

    /** Data and folder of an earlier run, unless others are given. */
    private void takeFrom(Path earlier, Path outDir, TrainingData text) {
        if (!isGiven("--data")) {
            RunRecord.requireSameData(earlier, text);
        }
        if (!isGiven("--out-dir")) {
            output.outDir = outDir;
        }
    }

    private boolean isGiven(String option) {
        return spec.commandLine().getParseResult().hasMatchedOption(option);
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
        values.put("tokenizer", tokens.fromAnywhere());
        // Another number of threads would be another run, in the last bits.
        values.put("replicas", String.valueOf(run.replicas()));
        values.remove("out-dir"); // a run that is repeated must not replace itself
        return values;
    }

    private TrainConfig config() {
        return TrainConfig.builder()
                .batchSize(run.batchSize)
                .sampling(run.sampling)
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
}
