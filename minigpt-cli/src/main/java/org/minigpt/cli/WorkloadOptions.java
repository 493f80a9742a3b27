package org.minigpt.cli;

import java.util.function.Consumer;
import org.minigpt.cli.bench.Shape;
import org.minigpt.cli.bench.Workload;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.model.GptConfig.Mlp;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** How large is what {@code minigpt bench} measures, and for how long it does. */
final class WorkloadOptions {
    private static final int GPT2_VOCAB_SIZE = 50257;

    /** Sizes that are often measured, with steps for a round of a second or two; L's take seconds each. */
    enum Preset {
        S(16, 32, 64, 4, 4, 300),
        M(12, 64, 128, 4, 4, 100),
        L(64, 256, 384, 6, 6, 2),
        GPT2(1, 1024, 768, 12, 12, 1),
        SMOLLM2(4, 256, 1, Shape.SMOLLM2.config()),
        QWEN3(1, 256, 1, Shape.QWEN3.config());

        private final int batchSize;
        private final int blockSize;
        private final int nEmbd;
        private final int nHead;
        private final int nLayer;
        private final int steps;
        private final GptConfig llama; // null for the layers that options say

        Preset(int batchSize, int blockSize, int steps, GptConfig llama) {
            this.batchSize = batchSize;
            this.blockSize = blockSize;
            this.nEmbd = llama.nEmbd();
            this.nHead = llama.nHead();
            this.nLayer = llama.nLayer();
            this.steps = steps;
            this.llama = llama;
        }

        Preset(int batchSize, int blockSize, int nEmbd, int nHead, int nLayer, int steps) {
            this.batchSize = batchSize;
            this.blockSize = blockSize;
            this.nEmbd = nEmbd;
            this.nHead = nHead;
            this.nLayer = nLayer;
            this.steps = steps;
            this.llama = null;
        }
    }

    @Spec(Spec.Target.MIXEE)
    private CommandSpec command;

    @Option(
            names = "--config",
            paramLabel = "NAME",
            defaultValue = "S",
            description = "S (16 x 32 tokens, 64 wide, 4 heads, 4 layers), M (12 x 64, 128, 4, 4) or"
                    + " L (64 x 256, 384, 6, 6), or GPT2 (1 x 1024, 768, 12, 12; 50257 tokens, biases, gelu-tanh and a tied"
                    + " head), or SmolLM2-135M's and Qwen3-0.6B's layers, SMOLLM2 (4 x 256) and QWEN3 (1 x 256), but for"
                    + " what is given beside it [${DEFAULT-VALUE}].")
    private Preset preset;

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

    /** @return training steps of a model */
    Workload training(ModelOptions model, int vocabSize) {
        GptConfig config = config(model, vocabSize);
        int b = batchSize(preset.batchSize);
        int n = steps != null ? steps : preset.steps;
        Checks.requireAtLeastOne("--steps", n);
        return new Workload(config, b, n, rounds());
    }

    /** @return the model whose generating is measured: GPT-2 with its own vocabulary, as Llamas always are */
    GptConfig generating(ModelOptions model) {
        return config(model, preset == Preset.GPT2 ? GPT2_VOCAB_SIZE : Workload.VOCAB_SIZE);
    }

    /** @return the shape of {@code --config}, but for what is given beside it */
    GptConfig config(ModelOptions model, int vocabSize) {
        GptConfig llama = preset.llama;
        GptConfig.Builder config = model.builder(llama == null ? vocabSize : llama.vocabSize());
        preset("--block-size", config::blockSize, preset.blockSize);
        preset("--n-embd", config::nEmbd, preset.nEmbd);
        preset("--n-head", config::nHead, preset.nHead);
        preset("--n-layer", config::nLayer, preset.nLayer);
        if (preset == Preset.GPT2) {
            preset("--bias", config::bias, Bias.ALL);
            preset("--activation", config::mlp, Mlp.GELU_TANH);
            preset("--tied-head", config::tiedHead, true);
        }
        if (llama != null) {
            config.normEps(llama.normEps());
            preset("--n-kv-head", config::nKvHead, llama.nKvHead());
            if (!llama.hasUsualHeads()) {
                preset("--head-size", config::headSize, llama.headSize());
            }
            preset("--n-inner", config::nInner, llama.nInner());
            preset("--qk-norm", config::qkNorm, llama.qkNorm());
            preset("--norm", config::norm, llama.norm());
            preset("--positions", config::positions, llama.positions());
            preset("--mlp", config::mlp, llama.mlp());
            preset("--bias", config::bias, llama.bias());
            preset("--tied-head", config::tiedHead, llama.tiedHead());
            preset("--init", config::initialization, llama.initialization());
        }
        return config.build();
    }

    private <T> void preset(String option, Consumer<T> setting, T value) {
        if (!isGiven(option)) {
            setting.accept(value);
        }
    }

    int batchSize(int byDefault) {
        int b = batchSize != null ? batchSize : byDefault;
        Checks.requireAtLeastOne("--batch-size", b);
        return b;
    }

    int rounds() {
        Checks.requireAtLeastOne("--rounds", rounds);
        return rounds;
    }

    int replicas() {
        int threads = replicas != null ? replicas : Runtime.getRuntime().availableProcessors();
        Checks.requireAtLeastOne("--replicas", threads);
        return threads;
    }

    /** @return whether the command line has an option of the command, be it of this group or not */
    boolean isGiven(String option) {
        return command.commandLine().getParseResult().hasMatchedOption(option);
    }
}
