package org.minigpt.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.minigpt.cli.bench.AttentionSweep;
import org.minigpt.cli.bench.BusyNeighbours;
import org.minigpt.cli.bench.ColdBench;
import org.minigpt.cli.bench.GenerateBench;
import org.minigpt.cli.bench.LoraBench;
import org.minigpt.cli.bench.OpTimes;
import org.minigpt.cli.bench.ResultLines;
import org.minigpt.cli.bench.ServeBench;
import org.minigpt.cli.bench.Soak;
import org.minigpt.cli.bench.StepBench;
import org.minigpt.cli.bench.StepBench.Engine;
import org.minigpt.cli.bench.Workload;
import org.minigpt.data.Batch;
import org.minigpt.data.RandomWindows;
import org.minigpt.data.TokenFolder;
import org.minigpt.data.Tokens;
import org.minigpt.decode.Decoder.Window;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.WeightType;
import org.minigpt.train.BatchSource;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code minigpt bench}: how long a training step takes. */
@Command(
        name = "bench",
        subcommands = BenchFilesCommand.class,
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        abbreviateSynopsis = true,
        header = "Measures training steps on random ids.",
        description = {
            "A step is forward, backward, clipping and AdamW, on one batch of ids from a vocabulary of 65. Results are"
                    + " lines of a name and a value. Defaults stand in brackets.",
            ""
        },
        footerHeading = "%n",
        footer = {"docs/performance.md explains the results."})
final class BenchCommand implements Callable<Integer> {

    private static final List<String> MEASUREMENTS =
            List.of("--ops", "--attention-sweep", "--soak", "--lora-rank", "--generate", "--serve", "--to-loss");
    private static final List<String> SIZES = List.of("--config", "--batch-size", "--block-size", "--n-embd");
    private static final int GENERATED_AT_ONCE = 16;
    private static final int COLD_RUNS = 5;

    @Spec
    private CommandSpec spec;

    @Option(
            names = "--engine",
            paramLabel = "KIND",
            defaultValue = "planned",
            description =
                    "planned, this library's trainer; graph, its layers in DL4J's ComputationGraph, by that one's fit; or"
                            + " stock, SameDiff's own fit on ND4J's own ops [${DEFAULT-VALUE}].")
    private Engine engine;

    @Option(names = "--ops", description = "Measure by kind of op where the time of forward and backward goes.")
    private boolean ops;

    @Option(
            names = "--attention-sweep",
            description = "4096 tokens a step, 128 wide, in rows of 64 to 2048 tokens, each in a JVM of its own.")
    private boolean attentionSweep;

    @Option(
            names = "--soak",
            paramLabel = "MINUTES",
            description = "Train for so long, and print a step's time and the process' memory every minute.")
    private Integer soak;

    @Option(
            names = "--data",
            paramLabel = "DIR",
            description = "With --soak or --lora-rank: train on random windows of the token files there [one batch of"
                    + " random ids].")
    private Path data;

    @Option(
            names = "--lora-rank",
            paramLabel = "R",
            description =
                    "Train a low-rank adapter of this rank, to queries, keys and values, instead of all parameters.")
    private Integer loraRank;

    @Option(
            names = "--generate",
            description = "Measure generating: one sequence, --batch-size at once [16], and a prompt.")
    private boolean generate;

    @Option(
            names = "--weights",
            paramLabel = "TYPE",
            defaultValue = "f32",
            description = "With --generate: the type of the matrices, f32, f16, bf16, q8_0 or q4_0 [${DEFAULT-VALUE}].")
    private WeightType weights;

    @Mixin
    private CacheOption cache = new CacheOption();

    @Option(
            names = "--busy",
            paramLabel = "N",
            defaultValue = "0",
            description = "With --generate: start N processes that are busy all the time, and measure beside them"
                    + " [${DEFAULT-VALUE}].")
    private int busy;

    @Option(
            names = "--cold",
            description = "With --generate: measure whole commands minigpt sample of 1, 40 and 100 tokens instead, the"
                    + " median of five each.")
    private boolean cold;

    @Option(
            names = "--prompt-tokens",
            paramLabel = "N",
            defaultValue = "512",
            description = "The prompt of --generate, at most block_size [${DEFAULT-VALUE}].")
    private int promptTokens;

    @Option(
            names = "--serve",
            paramLabel = "SECONDS",
            description = "Measure minigpt serve, in a JVM of its own, for so long.")
    private Integer serve;

    @Option(
            names = "--clients",
            paramLabel = "N",
            defaultValue = "50",
            description = "Clients of --serve at the same time [${DEFAULT-VALUE}].")
    private int clients;

    @Option(
            names = "--window",
            paramLabel = "KIND",
            defaultValue = "exact",
            description = "Of --serve: beyond the context, exact or halving [${DEFAULT-VALUE}].")
    private Window window;

    @Mixin(name = "To a loss")
    private ToLossOptions toLoss = new ToLossOptions();

    @Mixin(name = "Size and time")
    private WorkloadOptions sizes = new WorkloadOptions();

    @Mixin(name = "Model")
    private ModelOptions model = new ModelOptions();

    @Mixin
    private ThreadsOption threads = new ThreadsOption();

    @Override
    public Integer call() {
        threads.apply();
        conflict().ifPresent(message -> {
            throw new ParameterException(spec.commandLine(), message);
        });
        measurement().accept(new ResultLines(System.out));
        return 0;
    }

    private Consumer<ResultLines> measurement() {
        if (soak != null) {
            Checks.requireAtLeastOne("--soak", soak);
            return lines -> soak();
        }
        if (sizes.isGiven("--to-loss")) {
            return toLoss::run;
        }
        if (attentionSweep) {
            return this::sweep;
        }
        if (generate) {
            Checks.requireAtLeastOne("--prompt-tokens", promptTokens);
            return generation();
        }
        if (serve != null) {
            Checks.requireAtLeastOne("--serve", serve);
            Checks.requireAtLeastOne("--clients", clients);
            GptConfig config = sizes.config(model, Workload.VOCAB_SIZE);
            return new ServeBench(MiniGpt.class, config, clients, serve, window)::run;
        }
        if (loraRank != null) {
            return lines -> {
                Optional<TokenFolder.Opened> folder = Optional.ofNullable(data).map(TokenFolder::open);
                Workload work = training(folder);
                new LoraBench(work, sizes.replicas(), loraRank, batches(folder, work)).run(lines);
            };
        }
        Workload work = sizes.training(model, Workload.VOCAB_SIZE);
        return ops ? new OpTimes(work, sizes.replicas())::run : new StepBench(engine, work, sizes.replicas())::run;
    }

    private Consumer<ResultLines> generation() {
        GptConfig config = sizes.generating(model);
        Consumer<ResultLines> bench = cold
                ? new ColdBench(config, EnumOption.spell(weights), COLD_RUNS)::run
                : new GenerateBench(
                                config,
                                weights,
                                cache.type(),
                                sizes.batchSize(GENERATED_AT_ONCE),
                                promptTokens,
                                sizes.rounds())::run;
        return lines -> {
            try (BusyNeighbours neighbours = new BusyNeighbours(busy)) {
                lines.print("busy_neighbours", neighbours.all().size());
                bench.accept(lines);
            }
        };
    }

    /** What is wrong with the options together, if anything is. */
    private Optional<String> conflict() {
        List<String> given = MEASUREMENTS.stream().filter(sizes::isGiven).toList();
        if (given.size() > 1) {
            return Optional.of(
                    given.get(0) + " and " + given.get(1) + " are measurements of their own: leave one of them out.");
        }
        Optional<String> ofToLoss = toLoss.conflict();
        if (ofToLoss.isPresent()) {
            return ofToLoss;
        }
        if (data != null && soak == null && loraRank == null) {
            return Optional.of("--data is for --soak and --lora-rank: add one of them, or leave it out.");
        }
        if (cold && !generate) {
            return Optional.of("--cold is for --generate: add that, or leave it out.");
        }
        if (sizes.isGiven("--busy") && !generate) {
            return Optional.of("--busy is for --generate: add that, or leave it out.");
        }
        if (busy < 0) {
            return Optional.of("--busy is " + busy + ", but must be at least 0.");
        }
        if (sizes.isGiven("--cache") && (!generate || cold)) {
            return Optional.of("--cache is for --generate without --cold: leave it out.");
        }
        if (sizes.isGiven("--clients") && serve == null) {
            return Optional.of("--clients is for --serve: add that, or leave it out.");
        }
        if (sizes.isGiven("--window") && serve == null) {
            return Optional.of("--window is for --serve: add that, or leave it out.");
        }
        if (attentionSweep) { // it hands --engine on to the measurements that it is made of
            return SIZES.stream()
                    .filter(sizes::isGiven)
                    .findFirst()
                    .map(size -> "--attention-sweep sets the sizes itself: leave " + size + " out.");
        }
        if (sizes.isGiven("--engine") && !given.isEmpty()) {
            return Optional.of(
                    "--engine is not for " + given.get(0) + ", which measures this library's own: leave it out.");
        }
        return engine == Engine.GRAPH && sizes.isGiven("--replicas")
                ? Optional.of("--replicas is not for --engine graph, whose layers share a batch among all processors:"
                        + " leave it out.")
                : Optional.empty();
    }

    /** Trains as {@code minigpt train} would, without evaluations. */
    private void soak() {
        Optional<TokenFolder.Opened> folder = Optional.ofNullable(data).map(TokenFolder::open);
        Workload work = training(folder);
        Gpt gpt = Gpt.builder(work.config()).replicas(sizes.replicas()).build();
        Soak.run(gpt, batches(folder, work), work.batchSize(), soak, System.out::println);
    }

    private Workload training(Optional<TokenFolder.Opened> folder) {
        return sizes.training(
                model, folder.map(opened -> opened.tokenizer().vocabSize()).orElse(Workload.VOCAB_SIZE));
    }

    private static BatchSource batches(Optional<TokenFolder.Opened> folder, Workload work) {
        if (folder.isPresent()) {
            Tokens train = folder.get().data().train();
            return new RandomWindows(train, work.batchSize(), work.config().blockSize(), 1337)::batch;
        }
        Batch batch = work.batch();
        return iteration -> batch;
    }

    private void sweep(ResultLines lines) {
        List<String> arguments =
                new ArrayList<>(spec.commandLine().getParseResult().originalArgs());
        arguments.removeIf(argument -> argument.startsWith("--attention-sweep"));
        if (!sizes.isGiven("--steps")) {
            arguments.addAll(List.of("--steps", "10"));
        }
        lines.print("java", Runtime.version());
        new AttentionSweep(MiniGpt.class, arguments).run(AttentionSweep.BLOCK_SIZES, lines);
    }
}
