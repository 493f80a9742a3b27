package org.minigpt.dl4j;

import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.InputPreProcessor;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.InputTypeUtil;
import org.deeplearning4j.nn.conf.layers.samediff.SDLayerParams;
import org.deeplearning4j.nn.conf.layers.samediff.SameDiffOutputLayer;
import org.deeplearning4j.nn.weights.IWeightInit;
import org.deeplearning4j.nn.weights.WeightInitXavier;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.minigpt.graph.GraphLayer;
import org.minigpt.graph.Scope;
import org.minigpt.util.MiniGptException;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.shade.jackson.annotation.JsonAutoDetect;

/**
 * The head of a language model and its loss: [B,nIn,T] to the probabilities of the next token at each step, [B,nOut,T],
 * and the mean cross-entropy in nats over the labels that count. Parameters {@code weight} [nOut,nIn] and {@code bias}.
 *
 * <p>Labels are ids [B,T] of any type, where {@code ignoreIndex} does not count, or DL4J's one-hot columns [B,nOut,T] in
 * the layer's data format, where a column of zeros does not count. What a labels' mask [B,T] leaves out does not count
 * either. Unlike {@code RnnOutputLayer}, whose score is the sum over the steps, the score is the mean: the loss that the
 * {@code Trainer} reports, plus regularisation.
 *
 * <pre>{@code
 * new LanguageModelOutputLayer.Builder().nOut(vocabSize).build()
 * }</pre>
 */
@JsonAutoDetect(
        fieldVisibility = JsonAutoDetect.Visibility.ANY,
        getterVisibility = JsonAutoDetect.Visibility.NONE,
        isGetterVisibility = JsonAutoDetect.Visibility.NONE,
        setterVisibility = JsonAutoDetect.Visibility.NONE)
public final class LanguageModelOutputLayer extends SameDiffOutputLayer {
    private static final long serialVersionUID = 1L;

    private int formatVersion = LayerChecks.FIRST_FORMAT;
    private long nIn;
    private long nOut;
    private RNNFormat dataFormat;
    private IWeightInit weightInitFn;
    private boolean hasBias;
    private int ignoreIndex;
    private Activation activation;

    /** For DL4J, when it reads a saved network. */
    LanguageModelOutputLayer() {}

    private LanguageModelOutputLayer(Builder builder) {
        // SameDiffOutputLayer has no constructor that takes a builder: what the settings above do is done here.
        layerName = builder.getLayerName();
        iDropout = builder.getIDropout();
        regularization = builder.getRegularization();
        regularizationBias = builder.getRegularizationBias();
        updater = builder.getUpdater();
        biasUpdater = builder.getBiasUpdater();
        nIn = builder.nIn;
        nOut = builder.nOut;
        dataFormat = builder.dataFormat;
        weightInitFn = builder.weightInitFn;
        hasBias = builder.hasBias;
        ignoreIndex = builder.ignoreIndex;
        activation = builder.activation;
    }

    GraphLayer fragment() {
        return new LanguageModelHead(nIn, nOut, hasBias);
    }

    private void check() {
        LayerChecks.positive(describe(), "nIn", nIn);
        LayerChecks.positive(describe(), "nOut", nOut);
        if (activation != Activation.SOFTMAX && activation != Activation.IDENTITY) {
            throw new MiniGptException(describe() + " can't have the activation " + activation
                    + "; choose SOFTMAX for probabilities or IDENTITY for logits");
        }
        if (ignoreIndex >= 0 && ignoreIndex < nOut) {
            throw new MiniGptException(describe() + " has ignoreIndex " + ignoreIndex + ", which is one of its " + nOut
                    + " tokens; choose one that is none, such as -1");
        }
    }

    String describe() {
        return getClass().getSimpleName() + (getLayerName() == null ? "" : " \"" + getLayerName() + "\"");
    }

    /** @return C, the size of the input at each step */
    public long getNIn() {
        return nIn;
    }

    /** @return V, the number of tokens */
    public long getNOut() {
        return nOut;
    }

    /** @return NCW, [B,C,T], or NWC, [B,T,C] */
    public RNNFormat getDataFormat() {
        return dataFormat == null ? RNNFormat.NCW : dataFormat;
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
    public void setNIn(InputType inputType, boolean override) {
        InputType.InputTypeRecurrent type = LayerChecks.recurrent(describe(), inputType);
        if (nIn <= 0 || override) {
            nIn = type.getSize();
        }
        if (dataFormat == null || override) {
            dataFormat = type.getFormat();
        }
        setLayerParams(null);
    }

    @Override
    public InputType getOutputType(int layerIndex, InputType inputType) {
        InputType.InputTypeRecurrent type = LayerChecks.recurrent(describe(), inputType);
        return InputType.recurrent(nOut, type.getTimeSeriesLength(), getDataFormat());
    }

    @Override
    public InputPreProcessor getPreProcessorForInputType(InputType inputType) {
        return InputTypeUtil.getPreprocessorForInputTypeRnnLayers(inputType, getDataFormat(), getLayerName());
    }

    @Override
    public void applyGlobalConfigToLayer(NeuralNetConfiguration.Builder global) {
        if (weightInitFn == null) {
            weightInitFn = global.getWeightInitFn();
        }
    }

    @Override
    public void defineParameters(SDLayerParams params) {
        check();
        LayerParameters.define(fragment(), params);
    }

    @Override
    public void initializeParameters(Map<String, INDArray> params) {
        LayerParameters.initialise(fragment(), weightInitFn == null ? new WeightInitXavier() : weightInitFn, params);
    }

    /** The loss in DL4J's own graph, for labels [B,T]; networks run {@code LanguageModelOutputLayerImpl} instead. */
    @Override
    public SDVariable defineLayer(
            SameDiff sameDiff, SDVariable layerInput, SDVariable labels, Map<String, SDVariable> paramTable) {
        SDVariable x = getDataFormat() == RNNFormat.NCW ? sameDiff.permute(layerInput, 0, 2, 1) : layerInput; // (B,T,C)
        Scope scope = LayerGraph.scope(paramTable::get, null);
        return loss(scope, define(scope, x), labels.castTo(DataType.INT32));
    }

    /** @return the logits [B,T,V] */
    SDVariable define(Scope scope, SDVariable x) {
        return fragment().define(scope, x);
    }

    /** @return the mean over the targets [B,T] that count */
    SDVariable loss(Scope scope, SDVariable logits, SDVariable targets) {
        return scope.ops().crossEntropy(scope.name("loss"), logits, targets, ignoreIndex);
    }

    @Override
    public String activationsVertexName() {
        return LayerGraph.SCOPE + "." + LanguageModelHead.LOGITS;
    }

    @Override
    public Layer instantiate(
            NeuralNetConfiguration conf,
            Collection<TrainingListener> trainingListeners,
            int layerIndex,
            INDArray layerParamsView,
            boolean initializeParams,
            DataType networkDataType) {
        LayerChecks.format(describe(), formatVersion);
        check();
        LanguageModelOutputLayerImpl layer = new LanguageModelOutputLayerImpl(conf, networkDataType);
        layer.setListeners(trainingListeners);
        layer.setIndex(layerIndex);
        layer.setParamsViewArray(layerParamsView);
        layer.setParamTable(initializer().init(conf, layerParamsView, initializeParams));
        return layer;
    }

    private List<Object> settings() {
        return Arrays.asList(formatVersion, nIn, nOut, getDataFormat(), weightInitFn, hasBias, ignoreIndex, activation);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof LanguageModelOutputLayer layer
                && super.equals(other)
                && settings().equals(layer.settings());
    }

    @Override
    public int hashCode() {
        return settings().hashCode();
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
