package org.minigpt.model;

import java.util.Locale;
import java.util.Objects;
import org.minigpt.MiniGptException;
import org.minigpt.graph.Activation;
import org.minigpt.graph.Positions;
import org.minigpt.graph.SwiGlu;

/**
 * The shape of a GPT. The defaults follow the lecture: LayerNorm, learned positions, a plain feed-forward with ReLU, no
 * dropout, an untied head.
 *
 * @param vocabSize V, the number of tokens
 * @param blockSize the longest context, in tokens
 * @param nLayer L, the number of blocks
 * @param nHead H, the number of attention heads; divides {@code nEmbd}
 * @param nEmbd C, the width of the residual stream
 * @param dropout the shares dropped in training
 * @param bias which layers have biases
 * @param activation of the feed-forward
 * @param tiedHead whether the head uses {@code wte.weight} again, without bias
 * @param normEps added to the variance in LayerNorm, or to the mean square in RMSNorm
 * @param initialization of the parameters
 * @param nKvHead the heads of keys and values; divides {@code nHead}, and where it is less, heads of queries share them
 * @param norm of the rows of the residual stream
 * @param positions how the model knows where a token stands
 * @param ropeTheta the base of the angles of rotary positions
 * @param mlp the kind of the feed-forward
 */
public record GptConfig(
        int vocabSize,
        int blockSize,
        int nLayer,
        int nHead,
        int nEmbd,
        DropoutRates dropout,
        Bias bias,
        Activation activation,
        boolean tiedHead,
        double normEps,
        Initialization initialization,
        int nKvHead,
        Norm norm,
        Positions positions,
        double ropeTheta,
        Mlp mlp) {

    private static final double ROPE_THETA = 10_000;

    /** Beyond the largest that anybody has trained: more is a slip of the hand, and would not fit any memory. */
    private static final int MAX_LAYERS = 10_000;

    private static final double MAX_PARAMETERS = 1e13;

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
        /**
         * PyTorch's defaults: linear layers uniform on ±1/√fan_in, embeddings standard normal; but N(0, 0.02) where the
         * head is tied to them, for which standard normal ones would be far too large.
         */
        LECTURE,
        /** N(0, 0.02), residual projections N(0, 0.02/√(2L)), biases 0: nanoGPT's {@code model.py}. */
        NANOGPT
    }

    /** The norms of the residual stream. */
    public enum Norm {
        /** LayerNorm, with biases as {@link Bias} says. */
        LAYER,
        /** RMSNorm, Llama's: no mean is taken off, and there is never a bias. */
        RMS
    }

    /** The kinds of feed-forward. */
    public enum Mlp {
        /** act(x·W₁)·W₂, 4C wide, with the activation of the configuration. */
        PLAIN,
        /** (silu(x·W)·x·V)·W₂, Llama's. It is 8C/3 wide, so that its three matrices are as large as the two of PLAIN. */
        SWIGLU
    }

    /** @throws MiniGptException if a size is not positive or the values do not fit each other */
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
        Objects.requireNonNull(dropout, "dropout");
        if (!(normEps > 0 && normEps < 1)) {
            throw new MiniGptException(
                    "norm_eps " + normEps + " is out of range; choose 0 < norm_eps < 1, such as 1e-5");
        }
        Objects.requireNonNull(bias, "bias");
        Objects.requireNonNull(activation, "activation");
        Objects.requireNonNull(initialization, "initialization");
        Objects.requireNonNull(norm, "norm");
        Objects.requireNonNull(positions, "positions");
        Objects.requireNonNull(mlp, "mlp");
        requirePositive("n_kv_head", nKvHead);
        if (nHead % nKvHead != 0) {
            throw new MiniGptException("n_head " + nHead + " is not divisible by n_kv_head " + nKvHead
                    + "; choose an n_kv_head that divides it, such as " + greatestDivisor(nHead, nKvHead));
        }
        if (positions == Positions.ROTARY && nEmbd / nHead % 2 != 0) {
            throw new MiniGptException(
                    "positions are rotary, which turn pairs of entries, but a head is n_embd/n_head = "
                            + nEmbd / nHead + " wide; choose sizes that make it even, such as an n_embd of "
                            + (nEmbd / nHead + 1) * nHead);
        }
        if (!(ropeTheta > 1 && ropeTheta < Double.POSITIVE_INFINITY)) {
            throw new MiniGptException(
                    "rope_theta " + ropeTheta + " is out of range; choose one above 1, such as " + (int) ROPE_THETA);
        }
        if (positions != Positions.ROTARY && ropeTheta != ROPE_THETA) {
            throw new MiniGptException("rope_theta is of use to rotary positions only, but positions are "
                    + positions.name().toLowerCase(Locale.ROOT) + "; leave it out, or choose rotary positions");
        }
        if (mlp == Mlp.SWIGLU && activation != Activation.RELU) {
            throw new MiniGptException("mlp is swiglu, whose activation is always SiLU, but activation is "
                    + activation.name().toLowerCase(Locale.ROOT).replace('_', '-')
                    + "; leave the activation out, or choose a plain mlp");
        }
        if (nLayer > MAX_LAYERS) {
            throw new MiniGptException(
                    "n_layer is " + nLayer + " but must be at most " + MAX_LAYERS + "; choose fewer");
        }
        // In doubles, which can't overflow: of the embeddings, the head, and the matrices of a block.
        double width = 1.0 * nEmbd / nHead * (nHead + 2.0 * nKvHead) + nEmbd + 8.0 * nEmbd;
        double parameters = (2.0 * vocabSize + blockSize + nLayer * width) * nEmbd;
        if (parameters > MAX_PARAMETERS) {
            throw new MiniGptException(String.format(
                    Locale.ROOT,
                    "a model of n_embd %d, n_layer %d, block_size %d and a vocabulary of %d would have %.1e parameters,"
                            + " more than %.1e; choose smaller ones",
                    nEmbd,
                    nLayer,
                    blockSize,
                    vocabSize,
                    parameters,
                    MAX_PARAMETERS));
        }
    }

    private static int greatestDivisor(int n, int atMost) {
        int divisor = Math.min(n, atMost);
        while (n % divisor != 0) {
            divisor--;
        }
        return divisor;
    }

    /** @return the width of the feed-forward: 4C, or for SwiGLU 8C/3 rounded up to a multiple of 16 */
    public long nInner() {
        return mlp == Mlp.PLAIN ? 4L * nEmbd : SwiGlu.width(nEmbd);
    }

    /** @return the width of queries, keys and values side by side: C + 2·C·nKvHead/nHead */
    public long qkvWidth() {
        return (long) nEmbd / nHead * (nHead + 2L * nKvHead);
    }

    /** @return whether these are GPT-2's layers, so that its configuration can tell all about them */
    public boolean hasLayersOfGpt2() {
        return nKvHead == nHead && norm == Norm.LAYER && positions == Positions.LEARNED && mlp == Mlp.PLAIN;
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
        b.nKvHead = nKvHead == nHead ? 0 : nKvHead;
        b.norm = norm;
        b.positions = positions;
        b.ropeTheta = ropeTheta;
        b.mlp = mlp;
        return b;
    }

    /** Collects the values; {@link #build} checks them. */
    public static final class Builder {
        private int vocabSize;
        private int blockSize = 32;
        private int nLayer = 4;
        private int nHead = 4;
        private int nEmbd = 64;
        private DropoutRates dropout = DropoutRates.of(0);
        private Bias bias = Bias.LECTURE;
        private Activation activation = Activation.RELU;
        private boolean tiedHead;
        private double normEps = 1e-5;
        private Initialization initialization = Initialization.LECTURE;
        private int nKvHead; // 0 for as many as there are heads
        private Norm norm = Norm.LAYER;
        private Positions positions = Positions.LEARNED;
        private double ropeTheta = ROPE_THETA;
        private Mlp mlp = Mlp.PLAIN;

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

        /** Sets the share dropped in training, everywhere; 0 by default. */
        public Builder dropout(double dropout) {
            return dropout(DropoutRates.of(dropout));
        }

        /** Sets the shares dropped in training, place by place; 0 by default. */
        public Builder dropout(DropoutRates dropout) {
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

        /** Sets the eps of LayerNorm or RMSNorm; 1e-5 by default. */
        public Builder normEps(double normEps) {
            this.normEps = normEps;
            return this;
        }

        /** Sets how parameters are drawn; PyTorch's defaults, as in the lecture, by default. */
        public Builder initialization(Initialization initialization) {
            this.initialization = initialization;
            return this;
        }

        /** Sets the number of heads of keys and values, a divisor of H; 0, the default, for as many as H. */
        public Builder nKvHead(int nKvHead) {
            this.nKvHead = nKvHead;
            return this;
        }

        /** Sets the norm; LayerNorm by default. */
        public Builder norm(Norm norm) {
            this.norm = norm;
            return this;
        }

        /** Sets how the model knows where a token stands; learned positions by default. */
        public Builder positions(Positions positions) {
            this.positions = positions;
            return this;
        }

        /** Sets the base of the angles of rotary positions; 10000 by default. */
        public Builder ropeTheta(double ropeTheta) {
            this.ropeTheta = ropeTheta;
            return this;
        }

        /** Sets the kind of the feed-forward; plain by default. */
        public Builder mlp(Mlp mlp) {
            this.mlp = mlp;
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
                    initialization,
                    nKvHead == 0 ? nHead : nKvHead,
                    norm,
                    positions,
                    ropeTheta,
                    mlp);
        }
    }
}
