package org.minigpt.dl4j;

import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.layers.BaseLayer;
import org.minigpt.MiniGptException;
import org.minigpt.graph.GraphLayer;
import org.minigpt.graph.Scope;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * The head of a language model and its loss: [B,nIn,T] to the probabilities of the next token at each step, [B,nOut,T],
 * and the mean cross-entropy in nats over the labels that count. Parameters {@code weight} [nOut,nIn] and {@code bias}.
 *
 * <p>Labels are ids [B,T] of any type, where {@code ignoreIndex} does not count, or DL4J's one-hot columns [B,nOut,T]
 * in the layer's data format, where a column of zeros does not count. What a labels' mask [B,T] leaves out does not
 * count either. Unlike {@code RnnOutputLayer}, whose score is the sum over the steps, the score is the mean: the loss
 * that the {@code Trainer} reports, plus regularisation.
 *
 * <pre>{@code
 * new LanguageModelOutputLayer.Builder().nOut(vocabSize).build()
 * }</pre>
 */
public final class LanguageModelOutputLayer extends GptLayer {
    private static final long serialVersionUID = 1L;

    private boolean hasBias;
    private int ignoreIndex;
    private Activation activation;
    private boolean tied;

    /** For DL4J, when it reads a saved network. */
    LanguageModelOutputLayer() {}

    private LanguageModelOutputLayer(Builder builder) {
        super(builder);
        hasBias = builder.hasBias;
        ignoreIndex = builder.ignoreIndex;
        activation = builder.activation;
    }

    @Override
    protected GraphLayer fragment() {
        return new LanguageModelHead(getNIn(), getNOut(), hasBias, tied);
    }

    @Override
    protected void check() {
        super.check();
        if (activation != Activation.SOFTMAX && activation != Activation.IDENTITY) {
            throw new MiniGptException(describe() + " can't have the activation " + activation
                    + "; choose SOFTMAX for probabilities or IDENTITY for logits");
        }
        if (ignoreIndex >= 0 && ignoreIndex < getNOut()) {
            throw new MiniGptException(describe() + " has ignoreIndex " + ignoreIndex + ", which is one of its "
                    + getNOut() + " tokens; choose one that is none, such as -1");
        }
    }

    @Override
    protected boolean isStepwise() {
        return true;
    }

    @Override
    boolean isOutIn() {
        return true;
    }

    /** @return a copy without a matrix of its own */
    LanguageModelOutputLayer tied() {
        LanguageModelOutputLayer copy = (LanguageModelOutputLayer) clone();
        copy.tied = true;
        copy.setNOut(nOut); // which forgets the parameters that it had
        copy.requireFormat(LayerChecks.FORMAT_WITH_TIED_HEAD);
        return copy;
    }

    /** @return whether its matrix is that of the embedding, by a {@link TiedHeadVertex} */
    public boolean isTied() {
        return tied;
    }

    /** @return whether the head has a bias */
    public boolean hasBias() {
        return hasBias;
    }

    /** @return the label that does not count */
    public int getIgnoreIndex() {
        return ignoreIndex;
    }

    /** @return SOFTMAX if the output are probabilities, IDENTITY if logits */
    public Activation getActivation() {
        return activation;
    }

    @Override
    public IActivation getActivationFn() {
        return activation == null ? super.getActivationFn() : activation.getActivationFunction();
    }

    /** @return the mean over the targets [B,T] that count */
    SDVariable loss(Scope scope, SDVariable logits, SDVariable targets) {
        return scope.ops().crossEntropy(scope.name("loss"), logits, targets, ignoreIndex);
    }

    @Override
    BaseLayer<?> implementation(NeuralNetConfiguration conf, DataType dataType) {
        return new LanguageModelOutputLayerImpl(conf, dataType);
    }

    /** Collects the settings: {@code nIn} is C, {@code nOut} is V. */
    @SuppressWarnings("unchecked") // DL4J's build() returns whatever its caller wants
    public static final class Builder extends GptLayer.Builder<Builder> {
        private boolean hasBias = true;
        private int ignoreIndex = -1;
        private Activation activation = Activation.SOFTMAX;

        /** Sets whether the head has a bias; true by default. */
        public Builder hasBias(boolean hasBias) {
            this.hasBias = hasBias;
            return this;
        }

        /** Sets the label that does not count; -1 by default. */
        public Builder ignoreIndex(int ignoreIndex) {
            this.ignoreIndex = ignoreIndex;
            return this;
        }

        /** Sets what the network puts out: SOFTMAX, probabilities, by default; IDENTITY for logits. */
        public Builder activation(Activation activation) {
            this.activation = activation;
            return this;
        }

        @Override
        public LanguageModelOutputLayer build() {
            return new LanguageModelOutputLayer(this);
        }
    }
}
