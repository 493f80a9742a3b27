package org.minigpt.examples.cli;

import org.minigpt.graph.Activation;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.model.GptConfig.Initialization;
import picocli.CommandLine.Option;

/** The shape of a new model. */
final class ModelOptions {
    @Option(
            names = "--block-size",
            paramLabel = "T",
            defaultValue = "32",
            description = "The longest context, in tokens [${DEFAULT-VALUE}].")
    private int blockSize;

    @Option(names = "--n-layer", paramLabel = "L", defaultValue = "4", description = "Blocks [${DEFAULT-VALUE}].")
    private int nLayer;

    @Option(
            names = "--n-head",
            paramLabel = "H",
            defaultValue = "4",
            description = "Attention heads, a divisor of --n-embd [${DEFAULT-VALUE}].")
    private int nHead;

    @Option(
            names = "--n-embd",
            paramLabel = "C",
            defaultValue = "64",
            description = "The width of the model [${DEFAULT-VALUE}].")
    private int nEmbd;

    @Option(
            names = "--dropout",
            paramLabel = "P",
            defaultValue = "0.0",
            description = "The share that is dropped in training [${DEFAULT-VALUE}].")
    private double dropout;

    @Option(
            names = "--bias",
            paramLabel = "KIND",
            defaultValue = "lecture",
            converter = EnumOption.OfBias.class,
            description = "Which layers have biases: lecture (all but queries, keys and values), all or none"
                    + " [${DEFAULT-VALUE}].")
    private Bias bias;

    @Option(
            names = "--activation",
            paramLabel = "KIND",
            defaultValue = "relu",
            converter = EnumOption.OfActivation.class,
            description = "relu, gelu, or gelu-tanh as in GPT-2 [${DEFAULT-VALUE}].")
    private Activation activation;

    @Option(
            names = "--tied-head",
            negatable = true,
            defaultValue = "false",
            fallbackValue = "true",
            description = "The head shares the token embedding, as in GPT-2.")
    private boolean tiedHead;

    @Option(
            names = "--init",
            paramLabel = "KIND",
            defaultValue = "lecture",
            converter = EnumOption.OfInitialization.class,
            description = "How parameters are drawn: lecture (PyTorch's defaults) or nanogpt (normal, 0.02)"
                    + " [${DEFAULT-VALUE}].")
    private Initialization init;

    GptConfig config(int vocabSize) {
        return builder(vocabSize).build();
    }

    /** For a caller that knows better defaults for some of it. */
    GptConfig.Builder builder(int vocabSize) {
        return GptConfig.builder()
                .vocabSize(vocabSize)
                .blockSize(blockSize)
                .nLayer(nLayer)
                .nHead(nHead)
                .nEmbd(nEmbd)
                .dropout(dropout)
                .bias(bias)
                .activation(activation)
                .tiedHead(tiedHead)
                .initialization(init);
    }
}
