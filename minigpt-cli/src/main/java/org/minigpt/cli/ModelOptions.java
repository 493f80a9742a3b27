package org.minigpt.cli;

import org.minigpt.MiniGptException;
import org.minigpt.graph.FeedForward.Activation;
import org.minigpt.graph.Positions;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.model.GptConfig.DropoutRates;
import org.minigpt.model.GptConfig.Initialization;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.model.GptConfig.Norm;
import picocli.CommandLine.Option;

/** The shape of a new model. */
final class ModelOptions {

    /** What {@code --mlp} may be; {@code --activation} says which of the plain ones. */
    enum FeedForward {
        PLAIN,
        SWIGLU
    }

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
            names = "--n-kv-head",
            paramLabel = "K",
            description =
                    "Heads of keys and values, a divisor of --n-head: where they are fewer, heads of queries share"
                            + " them (grouped-query attention) [--n-head].")
    private Integer nKvHead;

    @Option(
            names = "--head-size",
            paramLabel = "D",
            description = "The width of a head, as in Qwen3 [--n-embd/--n-head].")
    private Integer headSize;

    @Option(
            names = "--qk-norm",
            negatable = true,
            defaultValue = "false",
            fallbackValue = "true",
            description = "RMSNorm of each head of queries and of keys, as in Qwen3.")
    private boolean qkNorm;

    @Option(
            names = "--n-inner",
            paramLabel = "I",
            description = "The width of the feed-forward [4 times --n-embd, with swiglu 8/3 times].")
    private Integer nInner;

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
            description = "The share that is dropped in training, everywhere [${DEFAULT-VALUE}].")
    private double dropout;

    @Option(
            names = "--embd-dropout",
            paramLabel = "P",
            description = "Of the embedding's entries, GPT-2's embd_pdrop [--dropout].")
    private Double embdDropout;

    @Option(
            names = "--attn-dropout",
            paramLabel = "P",
            description = "Of attention's probabilities, attn_pdrop [--dropout].")
    private Double attnDropout;

    @Option(
            names = "--resid-dropout",
            paramLabel = "P",
            description = "Of what attention and feed-forward add to the residual stream, resid_pdrop [--dropout].")
    private Double residDropout;

    @Option(
            names = "--bias",
            paramLabel = "KIND",
            defaultValue = "lecture",
            description = "Which layers have biases: lecture (all but queries, keys and values), all, none, or qkv"
                    + " (queries, keys and values alone, as in Qwen2)"
                    + " [${DEFAULT-VALUE}].")
    private Bias bias;

    @Option(
            names = "--activation",
            paramLabel = "KIND",
            defaultValue = "relu",
            description = "relu, relu2 (its square), gelu, gelu-tanh as in GPT-2, or silu [${DEFAULT-VALUE}].")
    private Activation activation;

    @Option(
            names = "--mlp",
            paramLabel = "KIND",
            defaultValue = "plain",
            description = "The feed-forward: plain, or swiglu as in Llama [${DEFAULT-VALUE}].")
    private FeedForward mlp;

    @Option(
            names = "--norm",
            paramLabel = "KIND",
            defaultValue = "layer",
            description = "layer, or rms as in Llama [${DEFAULT-VALUE}].")
    private Norm norm;

    @Option(
            names = "--positions",
            paramLabel = "KIND",
            defaultValue = "learned",
            description = "How the model knows the order of tokens: learned, rotary as in Llama, or alibi"
                    + " [${DEFAULT-VALUE}].")
    private Positions.Kind positions;

    @Option(
            names = "--rope-theta",
            paramLabel = "X",
            defaultValue = "10000",
            description = "The base of the angles of --positions rotary [${DEFAULT-VALUE}].")
    private double ropeTheta;

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
            description = "How parameters are drawn: lecture (PyTorch's defaults), nanogpt (normal, 0.02), or"
                    + " zero-projections (nanogpt's, but that blocks add nothing at first) [${DEFAULT-VALUE}].")
    private Initialization init;

    GptConfig config(int vocabSize) {
        return builder(vocabSize).build();
    }

    private Mlp mlp() {
        if (mlp == FeedForward.PLAIN) {
            return Mlp.plain(activation);
        }
        // The default may have been written to the settings of an earlier run.
        if (activation != Activation.RELU) {
            throw new MiniGptException("mlp is swiglu, whose activation is always SiLU, but activation is "
                    + EnumOption.spell(activation) + "; leave the activation out, or choose a plain mlp");
        }
        return Mlp.SWIGLU;
    }

    /** The options' dropout, and their context if it is asked for: all that may differ from a model that is there. */
    GptConfig config(GptConfig.Builder model, boolean withBlockSize) {
        if (withBlockSize) {
            model.blockSize(blockSize);
        }
        return model.dropout(dropout()).build();
    }

    private DropoutRates dropout() {
        DropoutRates all = DropoutRates.of(dropout);
        return new DropoutRates(
                embdDropout != null ? embdDropout : all.embd(),
                attnDropout != null ? attnDropout : all.attn(),
                residDropout != null ? residDropout : all.resid());
    }

    /** For a caller that knows better defaults for some of it. */
    GptConfig.Builder builder(int vocabSize) {
        GptConfig.Builder model = GptConfig.builder()
                .vocabSize(vocabSize)
                .blockSize(blockSize)
                .nLayer(nLayer)
                .nHead(nHead)
                .nEmbd(nEmbd)
                .dropout(dropout())
                .bias(bias)
                .tiedHead(tiedHead)
                .initialization(init)
                .norm(norm)
                .positions(Positions.of(positions, ropeTheta))
                .qkNorm(qkNorm)
                .mlp(mlp());
        if (nKvHead != null) {
            Checks.requireAtLeastOne("--n-kv-head", nKvHead);
            model.nKvHead(nKvHead);
        }
        if (headSize != null) {
            Checks.requireAtLeastOne("--head-size", headSize);
            model.headSize(headSize);
        }
        if (nInner != null) {
            Checks.requireAtLeastOne("--n-inner", nInner);
            model.nInner(nInner);
        }
        return model;
    }
}
