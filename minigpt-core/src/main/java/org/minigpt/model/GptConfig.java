package org.minigpt.model;

import java.util.Objects;
import org.minigpt.graph.Activation;
import org.minigpt.util.MiniGptException;

/**
 * The shape of a GPT. The defaults follow the lecture: learned positions, ReLU, no dropout, an untied head.
 *
 * @param vocabSize V, the number of tokens
 * @param blockSize the longest context, in tokens
 * @param nLayer L, the number of blocks
 * @param nHead H, the number of attention heads; divides {@code nEmbd}
 * @param nEmbd C, the width of the residual stream
 * @param dropout the share dropped in training, 0 ≤ dropout &lt; 1
 * @param bias which layers have biases
 * @param activation of the feed-forward
 * @param tiedHead whether the head uses {@code wte.weight} again, without bias
 * @param normEps added to the variance in LayerNorm
 * @param initialization of the parameters
 */
public record GptConfig(
        int vocabSize,
        int blockSize,
        int nLayer,
        int nHead,
        int nEmbd,
        double dropout,
        Bias bias,
        Activation activation,
        boolean tiedHead,
        double normEps,
        Initialization initialization) {

    /** Which layers have biases. */
    public enum Bias {
        /** All but the queries, keys and values, as in the lecture. */
        LECTURE,
        /** All, as in GPT-2. */
        ALL,
        /** None, LayerNorm included, as nanoGPT's {@code --bias=False}. */
        NONE
    }

    /** The distributions of the first parameters. */
    public enum Initialization {
        /** PyTorch's defaults: linear layers uniform on ±1/√fan_in, embeddings standard normal. */
        LECTURE,
        /** N(0, 0.02), residual projections N(0, 0.02/√(2L)), biases 0: nanoGPT's {@code model.py}. */
        NANOGPT
    }

    /** @throws MiniGptException if a size is not positive or the sizes do not fit each other */
    public GptConfig {
        requirePositive("vocab_size", vocabSize);
        requirePositive("block_size", blockSize);
        requirePositive("n_layer", nLayer);
        requirePositive("n_head", nHead);
        requirePositive("n_embd", nEmbd);
        if (nEmbd % nHead != 0) {
            throw new MiniGptException("n_embd " + nEmbd + " is not divisible by n_head " + nHead
                    + "; choose an n_embd that is a multiple of it, such as " + (nEmbd / nHead + 1) * nHead);
        }
        if (!(dropout >= 0 && dropout < 1)) {
            throw new MiniGptException("dropout " + dropout + " is not a share; choose 0 ≤ dropout < 1, such as 0.2");
        }
        if (!(normEps > 0 && normEps < 1)) {
            throw new MiniGptException(
                    "norm_eps " + normEps + " is out of range; choose 0 < norm_eps < 1, such as 1e-5");
        }
        Objects.requireNonNull(bias, "bias");
        Objects.requireNonNull(activation, "activation");
        Objects.requireNonNull(initialization, "initialization");
    }

    private static void requirePositive(String name, int value) {
        if (value <= 0) {
            throw new MiniGptException(name + " is " + value + " but must be at least 1; set it");
        }
    }

    /** @return a builder with the lecture's small GPT: 4 layers, 4 heads, 64 wide, 32 tokens; V is still to be set */
    public static Builder builder() {
        return new Builder();
    }

    /** @return a builder with this configuration's values */
    public Builder toBuilder() {
        Builder b = new Builder();
        b.vocabSize = vocabSize;
        b.blockSize = blockSize;
        b.nLayer = nLayer;
        b.nHead = nHead;
        b.nEmbd = nEmbd;
        b.dropout = dropout;
        b.bias = bias;
        b.activation = activation;
        b.tiedHead = tiedHead;
        b.normEps = normEps;
        b.initialization = initialization;
        return b;
    }

    /** Collects the values; {@link #build} checks them. */
    public static final class Builder {
        private int vocabSize;
        private int blockSize = 32;
        private int nLayer = 4;
        private int nHead = 4;
        private int nEmbd = 64;
        private double dropout;
        private Bias bias = Bias.LECTURE;
        private Activation activation = Activation.RELU;
        private boolean tiedHead;
        private double normEps = 1e-5;
        private Initialization initialization = Initialization.LECTURE;

        private Builder() {}

        /** Sets V, the number of tokens; there is no default. */
        public Builder vocabSize(int vocabSize) {
            this.vocabSize = vocabSize;
            return this;
        }

        /** Sets the longest context, in tokens; 32 by default. */
        public Builder blockSize(int blockSize) {
            this.blockSize = blockSize;
            return this;
        }

        /** Sets L, the number of blocks; 4 by default. */
        public Builder nLayer(int nLayer) {
            this.nLayer = nLayer;
            return this;
        }

        /** Sets H, the number of heads; 4 by default. */
        public Builder nHead(int nHead) {
            this.nHead = nHead;
            return this;
        }

        /** Sets C, the width; 64 by default. */
        public Builder nEmbd(int nEmbd) {
            this.nEmbd = nEmbd;
            return this;
        }

        /** Sets the share dropped in training; 0 by default. */
        public Builder dropout(double dropout) {
            this.dropout = dropout;
            return this;
        }

        /** Sets which layers have biases; the lecture's by default. */
        public Builder bias(Bias bias) {
            this.bias = bias;
            return this;
        }

        /** Sets the activation of the feed-forward; ReLU by default. */
        public Builder activation(Activation activation) {
            this.activation = activation;
            return this;
        }

        /** Sets whether the head shares the token embedding; false by default. */
        public Builder tiedHead(boolean tiedHead) {
            this.tiedHead = tiedHead;
            return this;
        }

        /** Sets LayerNorm's eps; 1e-5 by default. */
        public Builder normEps(double normEps) {
            this.normEps = normEps;
            return this;
        }

        /** Sets how parameters are drawn; PyTorch's defaults, as in the lecture, by default. */
        public Builder initialization(Initialization initialization) {
            this.initialization = initialization;
            return this;
        }

        /** @throws MiniGptException if the values do not make a model */
        public GptConfig build() {
            return new GptConfig(
                    vocabSize,
                    blockSize,
                    nLayer,
                    nHead,
                    nEmbd,
                    dropout,
                    bias,
                    activation,
                    tiedHead,
                    normEps,
                    initialization);
        }
    }
}
