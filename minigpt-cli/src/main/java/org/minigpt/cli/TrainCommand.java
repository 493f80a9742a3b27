package org.minigpt.cli;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.minigpt.MiniGptException;
import org.minigpt.data.TokenDataset;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.Trainable;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.Tokenizers;
import org.minigpt.train.TrainConfig;
import picocli.CommandLine;
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
            "On with a model and a text of one's own, and with an adapter only:",
            "  minigpt train --init-from out --data mine.txt --out-dir tuned",
            "  minigpt train --init-from out --data mine.txt --out-dir tuned --lora-rank 8",
            "",
            "On from its newest checkpoint, after Ctrl-C or a crash:",
            "  minigpt train --resume out"
        })
class TrainCommand implements Callable<Integer> {
    /** What a model that is there has already. */
    static final List<String> NOT_WITH_INIT_FROM = List.of(
            "--tokenizer",
            "--vocab-size",
            "--n-layer",
            "--n-head",
            "--n-kv-head",
            "--head-size",
            "--qk-norm",
            "--n-embd",
            "--n-inner",
            "--bias",
            "--activation",
            "--mlp",
            "--norm",
            "--positions",
            "--rope-theta",
            "--tied-head",
            "--init");

    /** What a run that goes on has, once and for all. */
    private static final List<String> OF_THE_RUN = Stream.concat(
                    NOT_WITH_INIT_FROM.stream(),
                    Stream.of(
                            "--train-split",
                            "--block-size",
                            "--init-from",
                            SftCommand.CHAT_TEMPLATE,
                            "--lora-rank",
                            "--lora-alpha",
                            "--lora-targets"))
            .toList();

    @Spec
    private CommandSpec spec;

    @Mixin(name = "Where options come from")
    private SettingsOptions settings = new SettingsOptions();

    @Mixin(name = "Data")
    private DataOptions data = new DataOptions();

    @Mixin(name = "Tokens")
    private TokenizerOptions tokens = new TokenizerOptions();

    @Mixin(name = "Fine-tuning")
    private FineTuneOptions fineTune = new FineTuneOptions();

    @Mixin(name = "Model")
    private ModelOptions model = new ModelOptions();

    @Mixin(name = "Training")
    private TrainingOptions.Run run = new TrainingOptions.Run();

    @Mixin(name = "Optimizer (AdamW)")
    private TrainingOptions.Optimizer optimizer = new TrainingOptions.Optimizer();

    @Mixin(name = "Learning rate over time")
    private TrainingOptions.Schedule schedule = new TrainingOptions.Schedule();

    @Mixin(name = "Cluster (Apache Spark)")
    private ClusterOptions cluster = new ClusterOptions();

    @Mixin(name = "Evaluation and output")
    private OutputOptions output = new OutputOptions();

    /**
     * What a run does that begins with a new model.
     *
     * @param replicas among how many threads a batch is shared out
     */
    record Recipe(GptConfig shape, TrainConfig config, TokenDataset data, int replicas) {}

    /**
     * @param options of {@code minigpt train}, for a text and a new model
     * @throws ParameterException if one of them is wrong
     */
    static Recipe recipe(String... options) {
        CommandLine root = MiniGpt.commandLine();
        CommandLine train = root.getSubcommands().get("train");
        train.setDefaultValueProvider(Settings.of(train.getCommandSpec(), options));
        root.parseArgs(Stream.concat(Stream.of("train"), Stream.of(options)).toArray(String[]::new));
        return train.<TrainCommand>getCommand().ofNewModel();
    }

    private Recipe ofNewModel() {
        if (settings.resume != null || fineTune.initFrom != null) {
            throw new ParameterException(
                    spec.commandLine(), "--resume and --init-from go on with a model: leave them out.");
        }
        requireFit();
        TrainingData text = open(Optional.empty());
        GptConfig shape = model.config(text.tokenizer().vocabSize());
        text.requireWindows(shape.blockSize());
        Checks.requireAtLeastOne("--replicas", run.replicas());
        return new Recipe(shape, config(), text.dataset(), run.replicas());
    }

    private void requireFit() {
        schedule.conflict()
                .or(optimizer::conflict)
                .or(() -> fineTune.conflict(this::isGiven, run.overfitOneBatch))
                .or(() -> cluster.conflict(this::isGiven))
                .ifPresent(message -> {
                    throw new ParameterException(spec.commandLine(), message);
                });
    }

    @Override
    public Integer call() {
        requireOneRun();
        requireFit();
        cluster.requireModule();
        TrainConfig config = config();
        Checks.requireNotNegative("--sample-tokens", output.sampleTokens);
        SamplingOptions sampling =
                SamplingOptions.builder().maxNewTokens(output.sampleTokens).build();

        Optional<Resumption> resumption = Optional.ofNullable(settings.resume).map(Resumption::of);
        resumption.ifPresent(from -> from.requireWithin(run.maxIters));
        if (!isGiven("--out-dir")) {
            Optional.ofNullable(settings.fromRun)
                    .map(earlier -> earlier.resolveSibling(earlier.getFileName() + "-again"))
                    .ifPresent(again -> output.outDir = again);
            resumption.ifPresent(from -> output.outDir = from.folder());
        }
        if (!run.overfitOneBatch) {
            RunLock.requireFree(output.outDir); // before the text is read, which may take long
        }
        Optional<StartingModel> start = startingModel(resumption);
        start.ifPresent(fineTune::requireKnownTokens);
        TrainingData text = start.map(StartingModel::tokenizer).map(this::open).orElseGet(() -> open(resumption));
        GptConfig shape = start.map(this::shapeOf)
                .orElseGet(() -> model.config(text.tokenizer().vocabSize()));
        text.requireWindows(shape.blockSize());
        Checks.requireAtLeastOne("--replicas", replicas());
        if (!isGiven("--data")) {
            // A run that is repeated may be cut or encoded otherwise.
            boolean sameTokens =
                    Stream.of("--tokenizer", "--train-split", "--vocab-size").noneMatch(this::isGiven);
            Optional.ofNullable(settings.fromRun)
                    .ifPresent(earlier -> RunRecord.requireSameData(earlier, text, sameTokens));
            resumption.ifPresent(
                    from -> RunRecord.requireSameData(from.checkpoint().path(), text, true));
        }
        resumption.ifPresent(from -> requireSameTokens(from.checkpoint().path(), text));
        if (!run.overfitOneBatch) {
            OutDir.requireForModel(output.outDir);
        }
        PrintStream out = System.out;
        TrainingSummary summary = new TrainingSummary(spec.name(), out, output.outDir);
        summary.printBefore(text, shape, config); // before a large model takes its time to be made
        resumption.ifPresent(from -> summary.printKernels(from.checkpoint().path()));
        if (run.overfitOneBatch) {
            summary.printNothingSaved();
        } else {
            summary.printSaved(resumption.isPresent());
        }

        Gpt gpt = Gpt.builder(shape)
                .seed(run.seed)
                .replicas(replicas())
                .eosTokenIds(start.map(this::eosTokenIds).orElse(List.of()))
                .build();
        start.ifPresent(from -> from.copyInto(gpt));
        if (run.overfitOneBatch) {
            return OverfitCheck.run(gpt, text.firstBatch(config, shape.blockSize()), config, out);
        }
        Trainable trained = fineTune.trained(gpt, run.seed);
        Optional<String> hash = start.flatMap(StartingModel::sha256);
        Optional<String> template = start.flatMap(this::chatTemplate);
        Optional<ClusterTraining.Cluster> machines = cluster.connect(replicas());
        try {
            return new TrainingRun(
                            trained,
                            text,
                            template,
                            hash,
                            config,
                            output,
                            replicas(),
                            options(shape),
                            resumption,
                            machines)
                    .run(sampling, summary);
        } finally {
            machines.ifPresent(ClusterTraining.Cluster::close);
        }
    }

    /** Among how many a batch is shared out, or the threads of a worker. */
    private int replicas() {
        return run.replicas != null ? run.replicas : cluster.replicas().orElseGet(run::replicas);
    }

    /** The data that a model with this tokenizer goes on with. */
    TrainingData open(Tokenizer tokenizer) {
        return data.open(tokenizer);
    }

    /**
     * A model's tokenizer, with what the data has beside.
     *
     * @param folder of the model
     */
    Tokenizer covering(Path folder, Tokenizer tokenizer) {
        return data.covering(tokenizer);
    }

    /** The tokens by which a model that goes on from another ends its text. */
    List<Integer> eosTokenIds(StartingModel start) {
        return start.eosTokenIds();
    }

    /** The template that is saved with a model that goes on from another. */
    Optional<String> chatTemplate(StartingModel start) {
        return start.chatTemplate();
    }

    /** Whether the run goes on from a checkpoint. */
    final boolean resumes() {
        return settings.resume != null;
    }

    final DataOptions data() {
        return data;
    }

    private Optional<StartingModel> startingModel(Optional<Resumption> resumption) {
        if (fineTune.initFrom == null) {
            return Optional.empty();
        }
        for (String option : NOT_WITH_INIT_FROM) {
            if (isGiven(option)) {
                throw new ParameterException(
                        spec.commandLine(),
                        option + " does not go with --init-from, whose model has its shape and its tokens already;"
                                + " leave one of them out");
            }
        }
        if (resumption.isPresent()) {
            Path checkpoint = resumption.get().checkpoint().path();
            return Optional.of(StartingModel.resume(checkpoint, tokenizer -> covering(checkpoint, tokenizer)));
        }
        StartingModel start =
                StartingModel.open(fineTune.initFrom, tokenizer -> covering(fineTune.initFrom, tokenizer));
        if (settings.fromRun != null && !isGiven("--init-from")) {
            RunRecord.requireSameStart(settings.fromRun, fineTune.initFrom, start);
        }
        return Optional.of(start);
    }

    /** A run that goes on or is repeated has recorded its context; otherwise it is the model's unless it is given. */
    private GptConfig shapeOf(StartingModel start) {
        boolean recorded = settings.resume != null || settings.fromRun != null;
        return model.config(start.shape(), recorded || isGiven("--block-size"));
    }

    /** A run that goes on or is repeated has its tokenizer beside its model, wherever it came from. */
    private TrainingData open(Optional<Resumption> resumption) {
        Path earlier = resumption.map(from -> from.checkpoint().path()).orElse(settings.fromRun);
        boolean recorded = resumption.isPresent() || earlier != null && !isGiven("--tokenizer");
        Optional<Tokenizer> tokenizer = recorded ? tokens.load(earlier) : tokens.load();
        return tokenizer.map(data::open).orElseGet(data::open);
    }

    private void requireSameTokens(Path checkpoint, TrainingData text) {
        if (isGiven("--data") && !text.tokenizer().equals(Tokenizers.load(checkpoint))) {
            throw new MiniGptException("--data is " + text.name() + ", which has other characters than the text of the"
                    + " run in " + settings.resume + ": leave it out, or begin with the model by --init-from.");
        }
    }

    /** What a run that goes on can't change, for its parameters and its tokens are there. */
    private void requireOneRun() {
        if (settings.resume == null) {
            return;
        }
        if (settings.fromRun != null) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--from-run repeats a run, and --resume goes on with one: leave one of them out.");
        }
        Settings files = (Settings) spec.commandLine().getDefaultValueProvider();
        Map<String, String> values = options();
        for (String option : OF_THE_RUN) {
            String now = values.get(option.substring(2));
            Optional<String> then = files.recorded(option);
            if (isGiven(option) && now != null && !now.equals(then.orElse(null))) {
                throw new ParameterException(
                        spec.commandLine(),
                        option + " is " + now + ", but the run in " + settings.resume + " has " + then.orElse("none")
                                + ": leave it out, or train anew.");
            }
        }
    }

    /** Whether the command line or {@code --config} has an option; what an earlier run recorded does not count. */
    private boolean isGiven(String option) {
        return spec.commandLine().getParseResult().hasMatchedOption(option)
                || spec.commandLine().getDefaultValueProvider() instanceof Settings files && files.isGiven(option);
    }

    /** All options with their values, as {@code --from-run} reads them. */
    private Map<String, String> options(GptConfig shape) {
        Map<String, String> values = options();
        values.put("block-size", String.valueOf(shape.blockSize()));
        // Another number of threads would be another run, in the last bits.
        values.put("replicas", String.valueOf(replicas()));
        if (fineTune.initFrom != null) {
            NOT_WITH_INIT_FROM.forEach(option -> values.remove(option.substring(2)));
        }
        values.remove("out-dir"); // a run that is repeated must not replace itself
        return values;
    }

    /** All options that have a value, as they are given or by default. */
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
        fineTune.record(values);
        cluster.record(values);
        return values;
    }

    private TrainConfig config() {
        return TrainConfig.builder()
                .batchSize(run.batchSize)
                .windows(run.sampling)
                .gradientAccumulationSteps(run.gradientAccumulationSteps)
                .maxIters(run.maxIters)
                .learningRate(schedule.rate(optimizer.learningRate, run.maxIters))
                .optimizer(optimizer.config())
                .gradClip(optimizer.gradClip)
                .evalInterval(output.evalInterval)
                .evalIters(output.evalIters)
                .patience(run.patience)
                .skipOutliers(run.skipOutliers)
                .seed(run.seed)
                .build();
    }
}
