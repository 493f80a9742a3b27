package org.minigpt.dl4j;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.ParamInitializer;
import org.deeplearning4j.nn.conf.InputPreProcessor;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.InputTypeUtil;
import org.deeplearning4j.nn.conf.memory.LayerMemoryReport;
import org.deeplearning4j.nn.layers.BaseLayer;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.minigpt.graph.GraphLayer;
import org.minigpt.graph.Parameter;
import org.minigpt.graph.Scope;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.regularization.L2Regularization;
import org.nd4j.linalg.learning.regularization.Regularization;
import org.nd4j.linalg.learning.regularization.WeightDecay;
import org.nd4j.shade.jackson.annotation.JsonAutoDetect;
import org.nd4j.shade.jackson.annotation.JsonIgnoreProperties;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * A fragment of a graph as a layer of DL4J's networks: sequences in, sequences out. The sizes {@code nIn} and the data
 * format are taken from the input type, {@code InputType.recurrent(size, steps, format)}: activations are [B,C,T] in
 * DL4J's format NCW, the default, and [B,T,C] in NWC; neither costs a copy between these layers. Any B and T will do.
 *
 * <p>Matrices are weights to DL4J, drawn by {@code weightInit} and subject to {@code l1}, {@code l2} and
 * {@code weightDecay}; gains and biases are biases to it, {@code gainInit} (1) or {@code biasInit} (0) at first and decayed
 * only by {@code weightDecayBias} and its kind. {@code dropOut} drops the layer's input, as in all of DL4J's layers, with
 * the probability of being kept. Steps that a mask [B,T] leaves out are neither seen by others nor changed from 0: a padded
 * sequence has the activations that it has alone. What DL4J sets that no such layer can do is refused by its name.
 *
 * <p>To put a {@link GraphLayer} of your own into a network, extend this class by a final one with a {@link Builder} and a
 * constructor without arguments, by which DL4J reads a saved network: it then sets the fields, all of which are saved but
 * for transient ones. Two layers are equal if their fields are.
 */
@JsonAutoDetect(
        fieldVisibility = JsonAutoDetect.Visibility.ANY,
        getterVisibility = JsonAutoDetect.Visibility.NONE,
        isGetterVisibility = JsonAutoDetect.Visibility.NONE,
        setterVisibility = JsonAutoDetect.Visibility.NONE)
@JsonIgnoreProperties({"iUpdater", "activationFn", "weightNoise", "timeDistributedFormat"})
public abstract class GptLayer extends FeedForwardLayer {
    private static final long serialVersionUID = 1L;

    private int formatVersion = LayerChecks.FIRST_FORMAT;
    private RNNFormat dataFormat;

    /** Those of the fragment by {@link #key}, matrices first; null until they are asked for, and when a size changes. */
    private transient Map<String, Parameter> parameters;

    /** For DL4J, when it reads a saved network. */
    protected GptLayer() {
        biasInit = 0;
        gainInit = 1;
    }

    /** @param builder the sizes, the data format and what all layers of DL4J's have */
    protected GptLayer(Builder<?> builder) {
        super(builder);
        dataFormat = builder.dataFormat;
        constraints = LayerConstraints.of(builder);
        LayerChecks.activation(describe(), builder.getActivationFn(), new ActivationIdentity());
        LayerChecks.weightNoise(describe(), weightNoise);
    }

    /**
     * The layer as a fragment of a graph, [B,T,nIn] to [B,T,nOut]. Called once the sizes are known, and whenever the
     * parameters are asked for: so it makes a new fragment each time, and has no other effect.
     *
     * @return the fragment, whose gains start at 1 and whose other parameters of one axis start at 0
     */
    protected abstract GraphLayer fragment();

    /**
     * DL4J's name of a parameter. Its networks call one {@code layer_name} and look for the last underscore to tell the two
     * apart, so that {@code attn.c_attn.weight} is {@code attn.cAttn.weight} here.
     *
     * @param name of a fragment's parameter
     * @return the name without underscores
     */
    public static String key(String name) {
        StringBuilder key = new StringBuilder();
        boolean upper = false;
        for (char c : name.toCharArray()) {
            if (c == '_') {
                upper = true;
            } else {
                key.append(upper ? Character.toUpperCase(c) : c);
                upper = false;
            }
        }
        return key.toString();
    }

    /** Checks the settings, with sentences that begin with {@link #describe}; called once the sizes are known. */
    protected void check() {
        LayerChecks.positive(describe(), "nIn", getNIn(), LayerChecks.FROM_INPUT_TYPE);
        LayerChecks.positive(describe(), "nOut", getNOut(), LayerChecks.IN_BUILDER);
        if (keepsSize()) {
            LayerChecks.same(describe(), getNIn(), getNOut());
        }
        LayerChecks.weightNoise(describe(), weightNoise);
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

    /** @return whether a step's output hangs on that step alone, so that a sequence may come in pieces */
    protected boolean isStepwise() {
        return false;
    }

    /** Checks the number of steps T. */
    void checkSteps(long t) {}

    /** @return what messages call the layer */
    protected final String describe() {
        return getClass().getSimpleName() + (layerName == null ? "" : " \"" + layerName + "\"");
    }

    /** @return the size of the output at each step */
    @Override
    public final long getNOut() {
        return nOut <= 0 && keepsSize() ? nIn : nOut;
    }

    @Override
    public void setNIn(long nIn) {
        super.setNIn(nIn);
        parameters = null;
    }

    @Override
    public void setNOut(long nOut) {
        super.setNOut(nOut);
        parameters = null;
    }

    /** @return NCW, [B,C,T], or NWC, [B,T,C] */
    public final RNNFormat getDataFormat() {
        return dataFormat == null ? RNNFormat.NCW : dataFormat;
    }

    @Override
    public void setNIn(InputType inputType, boolean override) {
        InputType.InputTypeRecurrent type = LayerChecks.recurrent(describe(), inputType);
        if (nIn <= 0 || override) {
            setNIn(type.getSize());
        }
        if (dataFormat == null || override) {
            dataFormat = type.getFormat();
        }
    }

    @Override
    public InputType getOutputType(int layerIndex, InputType inputType) {
        InputType.InputTypeRecurrent type = LayerChecks.recurrent(describe(), inputType);
        return InputType.recurrent(getNOut(), type.getTimeSeriesLength(), getDataFormat());
    }

    @Override
    public InputPreProcessor getPreProcessorForInputType(InputType inputType) {
        return InputTypeUtil.getPreprocessorForInputTypeRnnLayers(inputType, getDataFormat(), getLayerName());
    }

    /** The identity, so that a network's {@code activation} is not for this layer. */
    @Override
    public IActivation getActivationFn() {
        return new ActivationIdentity();
    }

    @Override
    public void setActivationFn(IActivation activationFn) {} // of networks and of fine-tuning: for layers that have one

    /** Saved under the name by which earlier versions of this library know it. */
    @Override
    @JsonProperty("updater")
    public IUpdater getIUpdater() {
        return super.getIUpdater();
    }

    @Override
    @JsonProperty("updater")
    public void setIUpdater(IUpdater updater) {
        super.setIUpdater(updater);
    }

    @Override
    public void setRegularization(List<Regularization> regularization) {
        super.setRegularization(oneOfEachKind(regularization));
    }

    @Override
    public void setRegularizationBias(List<Regularization> regularizationBias) {
        super.setRegularizationBias(oneOfEachKind(regularizationBias));
    }

    /** Also of all weights or all biases, by {@link LayerParameters#kinds}. */
    @Override
    public List<Regularization> getRegularizationByParam(String paramName) {
        return Penalty.of(super.getRegularizationByParam(paramName), () -> LayerParameters.lengths(this, paramName));
    }

    /** M2.1 adds a network's weight decay to a layer's list twice, and behind the layer's own. */
    private static List<Regularization> oneOfEachKind(List<Regularization> all) {
        if (all == null) {
            return null;
        }
        Map<Class<?>, Regularization> kinds = new LinkedHashMap<>();
        for (Regularization r : all) {
            kinds.putIfAbsent(r instanceof L2Regularization ? WeightDecay.class : r.getClass(), r);
        }
        return new ArrayList<>(kinds.values());
    }

    /** @return the fragment's, by DL4J's names in the order of its vector: matrices, its weights, before its biases */
    final Map<String, Parameter> parameters() {
        if (parameters == null) {
            check();
            parameters = new LinkedHashMap<>();
            fragment().parameters().stream()
                    .sorted(Comparator.comparing(p -> p.shape().size() == 1))
                    .forEach(p -> parameters.put(key(p.name()), p));
        }
        return parameters;
    }

    /** @return whether the sizes are known, so that there are parameters */
    final boolean hasParameters() {
        return parameters != null;
    }

    @Override
    public ParamInitializer initializer() {
        return new LayerParameters();
    }

    /** @return whether the last axis of a matrix is its input, as in Hugging Face's {@code lm_head} */
    boolean isOutIn() {
        return false;
    }

    final SDVariable define(Scope scope, SDVariable x) {
        return fragment().define(scope, x);
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
        LayerChecks.dataType(describe(), networkDataType);
        LayerChecks.minimize(describe(), conf.isMinimize());
        check();
        constraints = LayerConstraints.resolved(this);
        BaseLayer<?> layer = implementation(conf, networkDataType);
        layer.setListeners(trainingListeners);
        layer.setIndex(layerIndex);
        layer.setParamsViewArray(layerParamsView);
        layer.setParamTable(initializer().init(conf, layerParamsView, initializeParams));
        return layer;
    }

    /** @return what runs the layer; a network's summary shows the name of its class */
    BaseLayer<?> implementation(NeuralNetConfiguration conf, DataType dataType) {
        return new GptLayerImpl(conf, dataType);
    }

    /** The sizes of parameters, activations and the updater's state; plans are told by docs/dl4j.md. */
    @Override
    public LayerMemoryReport getMemoryReport(InputType inputType) {
        long size = initializer().numParams(this);
        long updater = getIUpdater() == null ? 0 : getIUpdater().stateSize(size);
        return new LayerMemoryReport.Builder(getLayerName(), getClass(), inputType, getOutputType(-1, inputType))
                .standardMemory(size, updater)
                .workingMemory(0, 0, 0, 0)
                .cacheMemory(0, 0)
                .build();
    }

    /** @return the settings of this class and those above it up to this one, by the names of their fields */
    private Map<String, Object> settings() {
        Map<String, Object> settings = new LinkedHashMap<>();
        settings.put("nIn", getNIn());
        settings.put("nOut", getNOut());
        List<Class<?>> classes = new ArrayList<>();
        for (Class<?> c = getClass(); c != FeedForwardLayer.class; c = c.getSuperclass()) {
            classes.add(0, c);
        }
        for (Class<?> c : classes) {
            for (Field field : c.getDeclaredFields()) {
                if (!Modifier.isStatic(field.getModifiers()) && !Modifier.isTransient(field.getModifiers())) {
                    settings.put(field.getName(), valueOf(field));
                }
            }
        }
        settings.put("dataFormat", getDataFormat());
        return settings;
    }

    private Object valueOf(Field field) {
        try {
            field.setAccessible(true); // as Jackson does when it saves the network
            return field.get(this);
        } catch (IllegalAccessException e) {
            throw new IllegalStateException(e);
        }
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

    @Override
    public String toString() {
        Map<String, Object> shown = settings();
        shown.remove("formatVersion");
        shown.put("weightInit", getWeightInitFn());
        shown.put("updater", getIUpdater());
        shown.put("dropOut", getIDropout());
        shown.put("regularization", getRegularization());
        shown.values().removeIf(value -> value == null);
        return describe()
                + shown.entrySet().stream().map(Map.Entry::toString).collect(Collectors.joining(", ", "(", ")"));
    }

    /** What the layers' builders have in common, beside what DL4J's have: updaters, regularisation, dropout. */
    public abstract static class Builder<T extends Builder<T>> extends FeedForwardLayer.Builder<T> {
        private RNNFormat dataFormat;

        /** Sets the format of activations, NCW [B,C,T] or NWC [B,T,C]; taken from the input type by default. */
        public T dataFormat(RNNFormat dataFormat) {
            this.dataFormat = dataFormat;
            return self();
        }

        // DL4J's own forget the type of the builder.

        @Override
        public T weightDecay(double coefficient) {
            super.weightDecay(coefficient);
            return self();
        }

        @Override
        public T weightDecay(double coefficient, boolean applyLR) {
            super.weightDecay(coefficient, applyLR);
            return self();
        }

        @Override
        public T weightDecayBias(double coefficient) {
            super.weightDecayBias(coefficient);
            return self();
        }

        @Override
        public T weightDecayBias(double coefficient, boolean applyLR) {
            super.weightDecayBias(coefficient, applyLR);
            return self();
        }

        @Override
        public T regularization(List<Regularization> regularization) {
            super.regularization(regularization);
            return self();
        }

        @Override
        public T regularizationBias(List<Regularization> regularizationBias) {
            super.regularizationBias(regularizationBias);
            return self();
        }

        @SuppressWarnings("unchecked")
        final T self() {
            return (T) this;
        }
    }
}
