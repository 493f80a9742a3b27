package org.minigpt.model;

import java.io.Serializable;
import java.util.Optional;
import java.util.OptionalInt;
import org.minigpt.MiniGptException;
import org.minigpt.graph.FeedForward.Activation;
import org.minigpt.graph.Positions;
import org.minigpt.graph.SwiGlu;
import org.minigpt.model.GptConfig.Mlp;

/**
 * The shape of a GPT, immutable and equal to another of the same values. The defaults follow the lecture: LayerNorm,
 * learned positions, a plain feed-forward with ReLU, no dropout, an untied head.
 *
 * <pre>{@code
 * GptConfig llama = GptConfig.builder().vocabSize(65).nHead(4).nKvHead(2).positions(new Positions.Rotary())
 *         .norm(Norm.RMS).mlp(Mlp.SWIGLU).bias(Bias.NONE).build();
 * }</pre>
 */
public sealed interface GptConfig extends Serializable permits CheckedConfig {

    /** Which layers have biases. */
    enum Bias {
        /** All but the queries, keys and values, as in the lecture. */
        LECTURE,
        /** All, as in GPT-2. */
        ALL,
        /** None, LayerNorm included, as nanoGPT's {@code --bias=False}. */
        NONE,
        /** Those of queries, keys and values alone, as in Qwen2. */
        QKV;

        /** @return whether queries, keys and values have biases */
        public boolean ofQkv() {
            return this == ALL || this == QKV;
        }

        /** @return whether all else has: norms, other linear layers, and a head of its own */
        public boolean ofRest() {
            return this == LECTURE || this == ALL;
        }
    }

    /** The distributions of the first parameters. */
    enum Initialization {
        /**
         * PyTorch's defaults: linear layers uniform on ±1/√fan_in, embeddings standard normal; but N(0, 0.02) where the
         * head is tied to them, for which standard normal ones would be far too large.
         */
        LECTURE,
        /** N(0, 0.02), residual projections N(0, 0.02/√(2L)), biases 0: nanoGPT's {@code model.py}. */
        NANOGPT,
        /**
         * {@link #NANOGPT}'s, but that the residual projections are 0: each block adds nothing at first (Zhang et al.
         * 2019, "Fixup Initialization"). For a head of its own, as with a tied one each token would first predict itself.
         */
        ZERO_PROJECTIONS
    }

    /** The norms of the residual stream. */
    enum Norm {
        /** LayerNorm, with biases as {@link Bias} says. */
        LAYER,
        /** RMSNorm, Llama's: no mean is taken off, and there is never a bias. */
        RMS
    }

    /** The kinds of feed-forward. */
    enum Mlp {
        /** max(0, x·W₁)·W₂, 4C wide: the lecture's. */
        RELU(Activation.RELU),
        /** max(0, x·W₁)²·W₂, 4C wide: Primer's. */
        RELU2(Activation.RELU2),
        /** GELU(x·W₁)·W₂ by the error function, 4C wide: nanoGPT's. */
        GELU(Activation.GELU),
        /** GELU(x·W₁)·W₂ by its approximation with tanh, 4C wide: GPT-2's. */
        GELU_TANH(Activation.GELU_TANH),
        /** silu(x·W₁)·W₂, 4C wide. */
        SILU(Activation.SILU),
        /**
         * (silu(x·W)·x·V)·W₂, Llama's. It is 8C/3 wide, so that its three matrices are as large as the two of the
         * others.
         */
        SWIGLU(null);

        private final Activation activation;

        Mlp(Activation activation) {
            this.activation = activation;
        }

        /** @return the non-linearity of a plain feed-forward; none for {@link #SWIGLU}, which has a gate */
        public Optional<Activation> activation() {
            return Optional.ofNullable(activation);
        }

        /** @return the plain feed-forward with this non-linearity */
        public static Mlp plain(Activation activation) {
            return switch (activation) {
                case RELU -> RELU;
                case RELU2 -> RELU2;
                case GELU -> GELU;
                case GELU_TANH -> GELU_TANH;
                case SILU -> SILU;
            };
        }
    }

    /** @return V, the number of tokens */
    int vocabSize();

    /** @return the longest context, in tokens */
    int blockSize();

    /** @return L, the number of blocks */
    int nLayer();

    /** @return C, the width of the residual stream */
    int nEmbd();

    /** @return H, the number of attention heads; divides C, unless heads have a {@link #headSize} of their own */
    int nHead();

    /** @return K, the heads of keys and values; divides H, and where it is less, heads of queries share them */
    int nKvHead();

    /** @return D, the width of a head: C/H, or as in Qwen3 another one */
    int headSize();

    /** @return whether each head of queries and of keys goes through RMSNorm, as in Qwen3 */
    boolean qkNorm();

    /** @return how the model knows where a token stands */
    Positions positions();

    /** @return the norm of the rows of the residual stream */
    Norm norm();

    /** @return what is added to the variance in LayerNorm, or to the mean square in RMSNorm */
    double normEps();

    /** @return the kind of the feed-forward */
    Mlp mlp();

    /** @return which layers have biases */
    Bias bias();

    /** @return whether the head uses {@code wte.weight} again, without bias */
    boolean tiedHead();

    /** @return the shares dropped in training */
    DropoutRates dropout();

    /** @return how parameters are drawn */
    Initialization initialization();

    /** @return the width of the feed-forward: 4C, or for SwiGLU 8C/3 rounded up to a multiple of 16, or another one */
    long nInner();

    /** @return the width of queries, keys and values side by side: (H+2K)·D */
    default long qkvWidth() {
        return headSize() * (nHead() + 2L * nKvHead());
    }

    /** @return whether heads are C/H wide, so that those of queries are C wide side by side */
    default boolean hasUsualHeads() {
        return (long) headSize() * nHead() == nEmbd();
    }

    /** @return whether these are GPT-2's layers, so that its configuration can tell all about them */
    default boolean hasLayersOfGpt2() {
        return nKvHead() == nHead()
                && hasUsualHeads()
                && !qkNorm()
                && bias() != Bias.QKV
                && norm() == Norm.LAYER
                && positions() instanceof Positions.Learned
                && mlp() != Mlp.SWIGLU;
    }

    /** @return a builder with the lecture's small GPT: 4 layers, 4 heads, 64 wide, 32 tokens; V is still to be set */
    static Builder builder() {
        return new Builder();
    }

    /** @return a builder with this configuration's values; K, D and the width of the feed-forward go on being the usual ones */
    default Builder toBuilder() {
        Builder b = new Builder();
        b.vocabSize = vocabSize();
        b.blockSize = blockSize();
        b.nLayer = nLayer();
        b.nEmbd = nEmbd();
        b.nHead = nHead();
        b.nKvHead = nKvHead() == nHead() ? OptionalInt.empty() : OptionalInt.of(nKvHead());
        b.headSize = hasUsualHeads() ? 0 : headSize();
        b.qkNorm = qkNorm();
        b.nInner = nInner() == usualInner(mlp(), nEmbd()) ? 0 : nInner();
        b.positions = positions();
        b.norm = norm();
        b.normEps = normEps();
        b.mlp = mlp();
        b.bias = bias();
        b.tiedHead = tiedHead();
        b.dropout = dropout();
        b.initialization = initialization();
        return b;
    }

    /** @return the width of a feed-forward that is not told another */
    static long usualInner(Mlp mlp, long c) {
        return mlp == Mlp.SWIGLU ? SwiGlu.width(c) : 4 * c;
    }

    /** Collects the values; {@link #build} checks them. */
    final class Builder {
        private int vocabSize;
        private int blockSize = 32;
        private int nLayer = 4;
        private int nEmbd = 64;
        private int nHead = 4;
        private OptionalInt nKvHead = OptionalInt.empty();
        private int headSize;
        private boolean qkNorm;
        private long nInner;
        private Positions positions = new Positions.Learned();
        private Norm norm = Norm.LAYER;
        private double normEps = 1e-5;
        private Mlp mlp = Mlp.RELU;
        private Bias bias = Bias.LECTURE;
        private boolean tiedHead;
        private DropoutRates dropout = DropoutRates.of(0);
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

        /** Sets C, the width; 64 by default. */
        public Builder nEmbd(int nEmbd) {
            this.nEmbd = nEmbd;
            return this;
        }

        /** Sets H, the number of heads; 4 by default. */
        public Builder nHead(int nHead) {
            this.nHead = nHead;
            return this;
        }

        /** Sets K, the number of heads of keys and values, a divisor of H; as many as H by default. */
        public Builder nKvHead(int nKvHead) {
            this.nKvHead = OptionalInt.of(nKvHead);
            return this;
        }

        /** Sets D, the width of a head; 0, the default, is C/H. */
        public Builder headSize(int headSize) {
            this.headSize = headSize;
            return this;
        }

        /** Sets whether each head of queries and of keys goes through RMSNorm; false by default. */
        public Builder qkNorm(boolean qkNorm) {
            this.qkNorm = qkNorm;
            return this;
        }

        /** Sets the width of the feed-forward; 0, the default, is 4C, or for SwiGLU 8C/3 up to a multiple of 16. */
        public Builder nInner(long nInner) {
            this.nInner = nInner;
            return this;
        }

        /** Sets how the model knows where a token stands; learned positions by default. */
        public Builder positions(Positions positions) {
            this.positions = positions;
            return this;
        }

        /** Sets the norm; LayerNorm by default. */
        public Builder norm(Norm norm) {
            this.norm = norm;
            return this;
        }

        /** Sets the eps of LayerNorm or RMSNorm; 1e-5 by default. */
        public Builder normEps(double normEps) {
            this.normEps = normEps;
            return this;
        }

        /** Sets the kind of the feed-forward; with ReLU by default. */
        public Builder mlp(Mlp mlp) {
            this.mlp = mlp;
            return this;
        }

        /** Sets which layers have biases; the lecture's by default. */
        public Builder bias(Bias bias) {
            this.bias = bias;
            return this;
        }

        /** Sets whether the head shares the token embedding; false by default. */
        public Builder tiedHead(boolean tiedHead) {
            this.tiedHead = tiedHead;
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

        /** Sets how parameters are drawn; PyTorch's defaults, as in the lecture, by default. */
        public Builder initialization(Initialization initialization) {
            this.initialization = initialization;
            return this;
        }

        /** @throws MiniGptException if a size is not positive or the values do not fit each other */
        public GptConfig build() {
            return new CheckedConfig(
                    vocabSize,
                    blockSize,
                    nLayer,
                    nEmbd,
                    nHead,
                    nKvHead.orElse(nHead),
                    headSize,
                    qkNorm,
                    positions,
                    norm,
                    normEps,
                    mlp,
                    nInner,
                    bias,
                    tiedHead,
                    dropout,
                    initialization);
        }
    }

    /**
     * The shares that are dropped in training, 0 ≤ share &lt; 1, in the places where GPT-2 and nanoGPT drop. nanoGPT has
     * one for all of them.
     *
     * @param embd of the entries of the embedding; GPT-2's {@code embd_pdrop}
     * @param attn of the probabilities of the attention; {@code attn_pdrop}
     * @param resid of the entries that attention and feed-forward add to the residual stream; {@code resid_pdrop}
     */
    public record DropoutRates(double embd, double attn, double resid) implements Serializable {

        /** @throws MiniGptException if one is no share */
        public DropoutRates {
            requireShare("embd_dropout", embd);
            requireShare("attn_dropout", attn);
            requireShare("resid_dropout", resid);
        }

        /** @return the same share everywhere */
        public static DropoutRates of(double share) {
            requireShare("dropout", share);
            return new DropoutRates(share, share, share);
        }

        /** @return whether anything is ever dropped */
        public boolean any() {
            return embd > 0 || attn > 0 || resid > 0;
        }

        private static void requireShare(String name, double value) {
            if (!(value >= 0 && value < 1)) {
                throw new MiniGptException(
                        name + " " + value + " is not a share; choose 0 ≤ " + name + " < 1, such as 0.2");
            }
        }
    }
}
