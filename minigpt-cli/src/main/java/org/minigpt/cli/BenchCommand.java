package org.minigpt.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.minigpt.cli.bench.AttentionSweep;
import org.minigpt.cli.bench.GenerateBench;
import org.minigpt.cli.bench.GraphBench;
import org.minigpt.cli.bench.Lines;
import org.minigpt.cli.bench.Measurement;
import org.minigpt.cli.bench.ModelFlops;
import org.minigpt.cli.bench.OpTimes;
import org.minigpt.cli.bench.PeakMemory;
import org.minigpt.cli.bench.PlannedBench;
import org.minigpt.cli.bench.ServeBench;
import org.minigpt.cli.bench.Soak;
import org.minigpt.cli.bench.StockBench;
import org.minigpt.cli.bench.Workload;
import org.minigpt.data.Batch;
import org.minigpt.data.RandomWindows;
import org.minigpt.data.Tokens;
import org.minigpt.graph.Activation;
import org.minigpt.internal.kernels.KernelInfo;
import org.minigpt.internal.kernels.SgemmPeak;
import org.minigpt.io.TokenFolder;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.runtime.MiniGptRuntime;
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
            List.of("--ops", "--attention-sweep", "--soak", "--generate", "--serve");
    private static final int GENERATED_AT_ONCE = 16;
    private static final int GPT2_VOCAB_SIZE = 50257;

    /** What runs the steps. */
    enum Engine {
        PLANNED,
        GRAPH,
        STOCK
    }

    /** Sizes that are often measured, with steps for a round of a second or two; L's take seconds each. */
    enum Preset {
        S(16, 32, 64, 4, 4, 300),
        M(12, 64, 128, 4, 4, 100),
        L(64, 256, 384, 6, 6, 2),
        GPT2(1, 1024, 768, 12, 12, 1);

        private final int batchSize;
        private final int blockSize;
        private final int nEmbd;
        private final int nHead;
        private final int nLayer;
        private final int steps;

        Preset(int batchSize, int blockSize, int nEmbd, int nHead, int nLayer, int steps) {
            this.batchSize = batchSize;
            this.blockSize = blockSize;
            this.nEmbd = nEmbd;
            this.nHead = nHead;
            this.nLayer = nLayer;
            this.steps = steps;
        }
    }

    @Spec
    private CommandSpec spec;

    @Option(
            names = "--config",
            paramLabel = "NAME",
            defaultValue = "S",
            description = "S (16 x 32 tokens, 64 wide, 4 heads, 4 layers), M (12 x 64, 128, 4, 4) or"
                    + " L (64 x 256, 384, 6, 6), or GPT2 (1 x 1024, 768, 12, 12; 50257 tokens, biases, gelu-tanh and a tied"
                    + " head), but for what is given beside it [${DEFAULT-VALUE}].")
    private Preset preset;

    @Option(
            names = "--engine",
            paramLabel = "KIND",
            defaultValue = "planned",
            converter = EnumOption.OfEngine.class,
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
            description = "With --soak: train on random windows of the token files there [one batch of random ids].")
    private Path data;

    @Option(
            names = "--generate",
            description = "Measure generating: one sequence, --batch-size at once [16], and a prompt.")
    private boolean generate;

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

    @Option(names = "--batch-size", paramLabel = "B", description = "Rows of a batch [of --config].")
    private Integer batchSize;

    @Option(names = "--steps", paramLabel = "N", description = "Steps in a round [300, 100 or 2 by --config].")
    private Integer steps;

    @Option(
            names = "--rounds",
            paramLabel = "N",
            defaultValue = "4",
            description = "Rounds, of which the fastest counts [${DEFAULT-VALUE}].")
    private int rounds;

    @Option(
            names = "--replicas",
            paramLabel = "N",
            description = "Threads that share a batch [as many as there are processors].")
    private Integer replicas;

    @Mixin(name = "Model")
    private ModelOptions model = new ModelOptions();

    @Override
    public Integer call() {
        conflict().ifPresent(message -> {
            throw new ParameterException(spec.commandLine(), message);
        });
        Lines lines = new Lines(System.out);
        if (soak != null) {
            Checks.requireAtLeastOne("--soak", soak);
            soak();
        } else if (ops) {
            new OpTimes(workload(Workload.VOCAB_SIZE), replicas()).run(lines);
        } else if (attentionSweep) {
            sweep(lines);
        } else if (generate) {
            generate(lines);
        } else if (serve != null) {
            Checks.requireAtLeastOne("--serve", serve);
            Checks.requireAtLeastOne("--clients", clients);
            lines.print("java", Runtime.version());
            new ServeBench(MiniGpt.class, config(Workload.VOCAB_SIZE), clients, serve).run(lines);
        } else {
            measure(workload(Workload.VOCAB_SIZE), lines);
        }
        return 0;
    }

    /** What is wrong with the options together, if anything is. */
    private Optional<String> conflict() {
        List<String> given = MEASUREMENTS.stream().filter(this::isGiven).toList();
        if (given.size() > 1) {
            return Optional.of(
                    given.get(0) + " and " + given.get(1) + " are measurements of their own: leave one of them out.");
        }
        if (data != null && soak == null) {
            return Optional.of("--data is for --soak: add that, or leave it out.");
        }
        if (isGiven("--clients") && serve == null) {
            return Optional.of("--clients is for --serve: add that, or leave it out.");
        }
        // The sweep hands it on to the measurements that it is made of.
        return isGiven("--engine") && !given.isEmpty() && !attentionSweep
                ? Optional.of(
                        "--engine is not for " + given.get(0) + ", which measures this library's own: leave it out.")
                : Optional.empty();
    }

    private void generate(Lines lines) {
        Checks.requireAtLeastOne("--rounds", rounds);
        Checks.requireAtLeastOne("--prompt-tokens", promptTokens);
        int b = batchSize != null ? batchSize : GENERATED_AT_ONCE;
        Checks.requireAtLeastOne("--batch-size", b);
        GptConfig config = config(preset == Preset.GPT2 ? GPT2_VOCAB_SIZE : Workload.VOCAB_SIZE);
        MiniGptRuntime.install(); // before anything loads the BLAS whose kernels it chooses
        lines.print("java", Runtime.version());
        lines.print("kernels", KernelInfo.arithmetic() + "+" + KernelInfo.blas());
        lines.print("parameters", parameters(config));
        new GenerateBench(config, b, promptTokens, rounds).run(lines);
        PeakMemory.megabytes().ifPresent(megabytes -> lines.print("peak_memory_mb", megabytes, 1));
    }

    /** Trains as {@code minigpt train} would, without evaluations. */
    private void soak() {
        int threads = replicas();
        BatchSource batches;
        Workload work;
        if (data != null) {
            TokenFolder.Opened folder = TokenFolder.open(data);
            work = workload(folder.tokenizer().vocabSize());
            Tokens train = folder.data().train();
            batches = new RandomWindows(train, work.batchSize(), work.config().blockSize(), 1337)::batch;
        } else {
            work = workload(Workload.VOCAB_SIZE);
            Batch batch = work.batch();
            batches = iteration -> batch;
        }
        Gpt gpt = Gpt.builder(work.config()).replicas(threads).build();
        Soak.run(gpt, batches, work.batchSize(), soak, System.out::println);
    }

    private Workload workload(int vocabSize) {
        GptConfig config = config(vocabSize);
        int b = batchSize != null ? batchSize : preset.batchSize;
        int n = steps != null ? steps : preset.steps;
        Checks.requireAtLeastOne("--batch-size", b);
        Checks.requireAtLeastOne("--steps", n);
        Checks.requireAtLeastOne("--rounds", rounds);
        return new Workload(config, b, n, rounds);
    }

    private GptConfig config(int vocabSize) {
        GptConfig.Builder config = model.builder(vocabSize);
        preset("--block-size", config::blockSize, preset.blockSize);
        preset("--n-embd", config::nEmbd, preset.nEmbd);
        preset("--n-head", config::nHead, preset.nHead);
        preset("--n-layer", config::nLayer, preset.nLayer);
        if (preset == Preset.GPT2) {
            preset("--bias", config::bias, Bias.ALL);
            preset("--activation", config::activation, Activation.GELU_TANH);
            preset("--tied-head", config::tiedHead, true);
        }
        return config.build();
    }

    private int replicas() {
        int threads = replicas != null ? replicas : Runtime.getRuntime().availableProcessors();
        Checks.requireAtLeastOne("--replicas", threads);
        return threads;
    }

    private <T> void preset(String option, Consumer<T> setting, T value) {
        if (!isGiven(option)) {
            setting.accept(value);
        }
    }

    private boolean isGiven(String option) {
        return spec.commandLine().getParseResult().hasMatchedOption(option);
    }

    private void measure(Workload work, Lines lines) {
        boolean planned = engine != Engine.STOCK;
        if (engine == Engine.GRAPH && replicas != null) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--replicas is not for --engine graph, whose layers share a batch among all processors: leave it out.");
        }
        int threads = replicas();
        Measurement taken = switch (engine) {
            case PLANNED -> PlannedBench.measure(work, threads);
            case GRAPH -> GraphBench.measure(work);
            case STOCK -> StockBench.measure(work);
        };
        double flops = ModelFlops.ofStep(work.config(), work.tokens());
        lines.print("engine", EnumOption.spell(engine));
        lines.print("java", Runtime.version());
        lines.print("kernels", (planned ? KernelInfo.arithmetic() : "nd4j") + "+" + KernelInfo.blas());
        if (planned) {
            lines.print("replicas", threads);
        }
        lines.print("parameters", parameters(work.config()));
        lines.print("train_ms_per_step", taken.stepMillis(), 3);
        lines.print("tokens_per_second", work.tokens() / taken.stepMillis() * 1e3, 0);
        lines.print("forward_ms", taken.forwardMillis(), 3);
        lines.print("seconds_to_first_step", taken.secondsToFirstStep(), 2);
        lines.print("flops_per_step", flops, 0);
        if (planned) {
            // Stock SameDiff leaves BLAS to choose kernels and threads, so that its peak is not the machine's.
            double peak = SgemmPeak.gflops(threads, rounds);
            lines.print("sgemm_peak_gflops", peak, 1);
            lines.print("fraction_of_peak", flops / (taken.stepMillis() * 1e6) / peak, 3);
        }
        PeakMemory.megabytes().ifPresent(megabytes -> lines.print("peak_memory_mb", megabytes, 1));
    }

    private static long parameters(GptConfig config) {
        return Gpt.declaredParameters(config).stream()
                .mapToLong(p -> p.length())
                .sum();
    }

    private void sweep(Lines lines) {
        for (String option : List.of("--config", "--batch-size", "--block-size", "--n-embd")) {
            if (isGiven(option)) {
                throw new ParameterException(
                        spec.commandLine(), "--attention-sweep sets the sizes itself: leave " + option + " out.");
            }
        }
        List<String> arguments =
                new ArrayList<>(spec.commandLine().getParseResult().originalArgs());
        arguments.removeIf(argument -> argument.startsWith("--attention-sweep"));
        if (steps == null) {
            arguments.addAll(List.of("--steps", "10"));
        }
        lines.print("java", Runtime.version());
        new AttentionSweep(MiniGpt.class, arguments).run(AttentionSweep.BLOCK_SIZES, lines);
    }
}
