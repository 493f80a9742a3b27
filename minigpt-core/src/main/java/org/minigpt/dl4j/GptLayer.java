package org.minigpt.dl4j;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.InputPreProcessor;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.distribution.Distribution;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.InputTypeUtil;
import org.deeplearning4j.nn.conf.layers.samediff.SDLayerParams;
import org.deeplearning4j.nn.conf.layers.samediff.SameDiffLayer;
import org.deeplearning4j.nn.weights.IWeightInit;
import org.deeplearning4j.nn.weights.WeightInit;
import org.deeplearning4j.nn.weights.WeightInitDistribution;
import org.deeplearning4j.nn.weights.WeightInitXavier;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.minigpt.graph.GraphLayer;
import org.minigpt.graph.Scope;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.shade.jackson.annotation.JsonAutoDetect;

/**
 * A fragment of a graph as a layer of DL4J's networks: sequences in, sequences out. The sizes {@code nIn} and the data
 * format are taken from the input type, {@code InputType.recurrent(size, steps, format)}: activations are [B,C,T] in
 * DL4J's format NCW, the default, and [B,T,C] in NWC; neither costs a copy between these layers. Any B and T will do.
 *
 * <p>Matrices are weights to DL4J, drawn by {@code weightInit} and subject to {@code l1}, {@code l2} and
 * {@code weightDecay}; gains and biases are biases to it, 1 or 0 at first and decayed only by {@code weightDecayBias} and
 * its kind. {@code dropOut} drops the layer's input, as in all of DL4J's layers, with the probability of being kept. Steps
 * that a mask [B,T] leaves out are neither seen by others nor changed from 0: a padded sequence has the activations that
 * it has alone.
 *
 * <p>To put a {@link GraphLayer} of your own into a network, extend this class by a final one with a constructor without
 * arguments, for JSON, and a {@link Builder}.
 */
@JsonAutoDetect(
        fieldVisibility = JsonAutoDetect.Visibility.ANY,
        getterVisibility = JsonAutoDetect.Visibility.NONE,
        isGetterVisibility = JsonAutoDetect.Visibility.NONE,
        setterVisibility = JsonAutoDetect.Visibility.NONE)
public abstract class GptLayer extends SameDiffLayer {
    private static final long serialVersionUID = 1L;

    private int formatVersion = LayerChecks.FIRST_FORMAT;
    private long nIn;
    private long nOut;
    private RNNFormat dataFormat;
    private IWeightInit weightInitFn;

    /** For DL4J, when it reads a saved network. */
    protected GptLayer() {}

    /** @param builder the sizes, the data format and what all layers of DL4J's have */
    protected GptLayer(Builder<?> builder) {
        super(builder);
        nIn = builder.nIn;
        nOut = builder.nOut;
        dataFormat = builder.dataFormat;
        weightInitFn = builder.weightInitFn;
    }

    /**
     * The layer as a fragment of a graph, [B,T,nIn] to [B,T,nOut]. Called once the sizes are known.
     *
     * @return the fragment, whose gains start at 1 and whose other parameters of one axis start at 0
     */
    protected abstract GraphLayer fragment();

    /** Checks the settings, with sentences that begin with {@link #describe}; called once the sizes are known. */
    protected void check() {
        if (keepsSize() && nOut <= 0) {
            setNOut(nIn);
        }
        LayerChecks.positive(describe(), "nIn", nIn);
        LayerChecks.positive(describe(), "nOut", nOut);
        if (keepsSize()) {
            LayerChecks.same(describe(), nIn, nOut);
        }
    }

    /** For a layer with settings that are unknown to older versions of this library, which would compute something else. */
    final void requireFormat(int version) {
        formatVersion = Math.max(formatVersion, version);
    }

    /** @return whether nOut is nIn, and is taken from it */
    boolean keepsSize() {
        return false;
    }

    /** @return whether the input is not [B,C,T] but ids [B,T], which have no gradient */
    boolean takesIds() {
        return false;
    }

    /** Checks the number of steps T. */
    void checkSteps(long t) {}

    /** @return what messages call the layer */
    protected final String describe() {
        return getClass().getSimpleName() + (getLayerName() == null ? "" : " \"" + getLayerName() + "\"");
    }

    /** @return the size of the input at each step */
    public final long getNIn() {
        return nIn;
    }

    /** @return the size of the output at each step */
    public final long getNOut() {
        return nOut;
    }

    /** Sets the size of the input: for a layer that does not take it from the input type. */
    final void setNIn(long nIn) {
        this.nIn = nIn;
        setLayerParams(null);
    }

    /** Sets the size of the output: for a layer that takes it from the input. */
    private void setNOut(long nOut) {
        this.nOut = nOut;
        setLayerParams(null);
    }

    /** @return NCW, [B,C,T], or NWC, [B,T,C] */
    public final RNNFormat getDataFormat() {
        return dataFormat == null ? RNNFormat.NCW : dataFormat;
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
        if (keepsSize() && (nOut <= 0 || override)) {
            nOut = nIn;
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
    public final void defineParameters(SDLayerParams params) {
        check();
        LayerParameters.define(fragment(), params);
    }

    @Override
    public final void initializeParameters(Map<String, INDArray> params) {
        LayerParameters.initialise(fragment(), weightInitFn == null ? new WeightInitXavier() : weightInitFn, params);
    }

    /** The layer in DL4J's own graph: what runs if a fragment holds ops that can't be planned. */
    @Override
    public final SDVariable defineLayer(
            SameDiff sameDiff, SDVariable layerInput, Map<String, SDVariable> paramTable, SDVariable mask) {
        boolean transposed = getDataFormat() == RNNFormat.NCW && !takesIds();
        SDVariable x = transposed ? sameDiff.permute(layerInput, 0, 2, 1) : layerInput; // (B,T,C)
        SDVariable y = define(LayerGraph.scope(paramTable::get, null), x);
        return getDataFormat() == RNNFormat.NCW ? sameDiff.permute(y, 0, 2, 1) : y;
    }

    final SDVariable define(Scope scope, SDVariable x) {
        return fragment().define(scope, x);
    }

    @Override
    public final void validateInput(INDArray input) {
        LayerChecks.input(this, input);
    }

    @Override
    public final Layer instantiate(
            NeuralNetConfiguration conf,
            Collection<TrainingListener> trainingListeners,
            int layerIndex,
            INDArray layerParamsView,
            boolean initializeParams,
            DataType networkDataType) {
        LayerChecks.format(describe(), formatVersion);
        check();
        GptLayerImpl layer = new GptLayerImpl(conf, networkDataType);
        layer.setListeners(trainingListeners);
        layer.setIndex(layerIndex);
        layer.setParamsViewArray(layerParamsView);
        layer.setParamTable(initializer().init(conf, layerParamsView, initializeParams));
        return layer;
    }

    /** @return all settings of this class and those above it, for {@link #equals} */
    protected List<Object> settings() {
        return new ArrayList<>(Arrays.asList(formatVersion, nIn, nOut, getDataFormat(), weightInitFn));
    }

    @Override
    public final boolean equals(Object other) {
        return other != null
                && other.getClass() == getClass()
                && super.equals(other)
                && settings().equals(((GptLayer) other).settings());
    }

    @Override
    public final int hashCode() {
        return settings().hashCode();
    }

    /** What the layers' builders have in common, beside what DL4J's have: updaters, regularisation, dropout. */
    public abstract static class Builder<T extends Builder<T>> extends SameDiffLayer.Builder<T> {
        long nIn;
        long nOut;
        RNNFormat dataFormat;
        IWeightInit weightInitFn;

        /** Sets the size of the input at each step; taken from the input type by default. */
        public T nIn(long nIn) {
            this.nIn = nIn;
            return self();
        }

        /** Sets the size of the output at each step. */
        public T nOut(long nOut) {
            this.nOut = nOut;
            return self();
        }

        /** Sets the format of activations, NCW [B,C,T] or NWC [B,T,C]; taken from the input type by default. */
        public T dataFormat(RNNFormat dataFormat) {
            this.dataFormat = dataFormat;
            return self();
        }

        /** Sets how matrices are drawn; the network's {@code weightInit} by default. */
        @Override
        public T weightInit(WeightInit weightInit) {
            return weightInit(weightInit.getWeightInitFunction());
        }

        /** Sets how matrices are drawn; the network's {@code weightInit} by default. */
        public T weightInit(IWeightInit weightInit) {
            weightInitFn = weightInit;
            return self();
        }

        /** Sets the distribution of matrices, such as GPT-2's {@code new NormalDistribution(0, 0.02)}. */
        public T weightInit(Distribution distribution) {
            return weightInit(new WeightInitDistribution(distribution));
        }

        // DL4J's own forget the type of the builder.

        @Override
        public T weightDecay(double coefficient) {
            super.weightDecay(coefficient);
            return self();
        }

        @Override
        public T weightDecayBias(double coefficient) {
            super.weightDecayBias(coefficient);
            return self();
        }

        @SuppressWarnings("unchecked")
        final T self() {
            return (T) this;
        }
    }
}
