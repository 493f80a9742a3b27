package org.minigpt.dl4j;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.deeplearning4j.earlystopping.scorecalc.base.BaseIEvaluationScoreCalculator;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.layers.IOutputLayer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.gradient.DefaultGradient;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.minigpt.MiniGptException;
import org.minigpt.internal.batch.Replicas;
import org.minigpt.internal.batch.Share;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.internal.runtime.Workspaces;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.transforms.custom.SoftMax;
import org.nd4j.linalg.dataset.api.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** A {@link LanguageModelOutputLayer} at work in a network. */
final class LanguageModelOutputLayerImpl extends NetworkLayer<LanguageModelOutputLayer> implements IOutputLayer {
    private static final long serialVersionUID = 1L;
    private static final String TARGETS = "targets";
    private static final String LOGITS = LayerGraph.SCOPE + "." + LanguageModelHead.LOGITS;

    private static final String OF_NETWORK = "call it on the network";

    private INDArray labels;

    private transient LayerGraph graph;

    /** Of a tied head: whose matrix it has, the parameters with it, and where their gradients are added up. */
    private transient Supplier<Layer> embedding;

    private transient Map<String, INDArray> tiedWeights;
    private transient INDArray tiedGradients;

    /** The loss that the backward pass computed, and of what: DL4J asks for the score next. */
    private transient double loss;

    private transient INDArray lossInput;
    private transient INDArray lossLabels;

    LanguageModelOutputLayerImpl(NeuralNetConfiguration conf, DataType dataType) {
        super(conf, dataType);
    }

    /** @param embedding finds the layer whose matrix this head shares, once the network is there */
    void tieTo(Supplier<Layer> embedding) {
        this.embedding = embedding;
    }

    /** @return the parameters that the logits are computed of, the same map as long as they are the same */
    private Map<String, INDArray> weights() {
        if (!layerConf().isTied()) {
            return params;
        }
        if (embedding == null) {
            throw new MiniGptException(
                    layerConf().describe() + " has the matrix of an embedding, but stands in a network"
                            + " without its TiedHeadVertex; add it by one, or a head of its own");
        }
        INDArray shared = embedding.get().getParam(GptLayerImpl.EMBEDDING);
        if (tiedWeights == null
                || tiedWeights.get(LanguageModelHead.WEIGHT) != shared
                || tiedWeights.get(LanguageModelHead.BIAS) != params.get(LanguageModelHead.BIAS)) {
            requireFit(shared);
            tiedWeights = new LinkedHashMap<>();
            tiedWeights.put(LanguageModelHead.WEIGHT, shared);
            tiedWeights.putAll(params);
        }
        return tiedWeights;
    }

    private void requireFit(INDArray shared) {
        long[] shape = {layerConf().getNOut(), layerConf().getNIn()};
        if (shared == null || !Arrays.equals(shared.shape(), shape)) {
            throw new MiniGptException(layerConf().describe() + " needs an embedding's matrix of the shape "
                    + Arrays.toString(shape) + ", but is tied to a layer with "
                    + (shared == null ? "none" : "one of " + Arrays.toString(shared.shape()))
                    + "; tie it to the network's embedding, with nOut its nIn");
        }
    }

    /** Adds the shares' gradients, and hands that of the matrix to the embedding, unless it is frozen. */
    private void addUpTied(int shares) {
        long length = layerConf().getNOut() * layerConf().getNIn();
        if (tiedGradients == null) {
            tiedGradients = Workspaces.outside(() -> Nd4j.create(dataType, length + numParams()));
        }
        graph.addUp(shares, tiedGradients);
        if (gradientsFlattened != null) {
            INDArray bias = tiedGradients.get(NDArrayIndex.interval(length, tiedGradients.length()));
            NativeMemory.copy(bias.reshape(gradientsFlattened.shape()), gradientsFlattened);
        }
        if (embedding.get() instanceof GptLayerImpl layer) {
            layer.addGradientOfHead(tiedGradients
                    .get(NDArrayIndex.interval(0, length))
                    .reshape('c', layerConf().getNOut(), layerConf().getNIn()));
        }
    }

    private LayerGraph graph() {
        Map<String, INDArray> weights = weights();
        if (graph == null || !graph.isOf(weights)) {
            graph = Workspaces.outside(() -> new LayerGraph(dataType, weights, true, (sd, scope) -> {
                SDVariable x = sd.placeHolder(
                        LayerGraph.INPUT, dataType, -1, -1, layerConf().getNIn());
                SDVariable targets = sd.placeHolder(TARGETS, DataType.INT32, -1, -1);
                return layerConf().loss(scope, layerConf().define(scope, x), targets);
            }));
        }
        return graph;
    }

    @Override
    public INDArray activate(boolean training, LayerWorkspaceMgr workspaceMgr) {
        assertInputSet(false);
        requireInput();
        requireRightAxis();
        applyDropOutIfNecessary(training, workspaceMgr);
        INDArray x = rows();
        INDArray y = workspaceMgr.createUninitialized(
                ArrayType.ACTIVATIONS,
                dataType,
                new long[] {x.size(0), x.size(1), layerConf().getNOut()},
                'c');
        logits(x, y);
        if (layerConf().getActivation() == Activation.SOFTMAX) {
            Nd4j.exec(new SoftMax(y, y, -1));
        }
        return ncw() ? y.permute(0, 2, 1) : y;
    }

    /**
     * DL4J's {@code evaluate}, {@code evaluateROC} and the like take axis 1 for that of the classes, whatever the
     * network's format is, and count the steps of [B,T,V] for tokens. They ask the network for nothing but its output,
     * so who asks is all there is to tell by.
     */
    private void requireRightAxis() {
        if (!ncw()
                && StackWalker.getInstance().walk(frames -> frames.anyMatch(LanguageModelOutputLayerImpl::evaluates))) {
            throw new MiniGptException(layerConf().describe()
                    + " puts out [B,T,V], which this way to evaluate would take for"
                    + " [B,V,T]; call doEvaluation(iterator, new EvaluationLM(RNNFormat.NWC, Activation."
                    + layerConf().getActivation() + ")), or doEvaluation with an Evaluation whose axis is set to 2");
        }
    }

    private static boolean evaluates(StackWalker.StackFrame frame) {
        String type = frame.getClassName();
        boolean network =
                type.equals(MultiLayerNetwork.class.getName()) || type.equals(ComputationGraph.class.getName());
        return network && frame.getMethodName().startsWith("evaluate")
                || type.equals(BaseIEvaluationScoreCalculator.class.getName());
    }

    private void logits(INDArray x, INDArray y) {
        String name = LOGITS;
        Map<String, INDArray> inputs = Map.of(LayerGraph.INPUT, x);
        graph().infer(name, inputs, share -> {
            share.set(inputs, 0);
            share.plan().run();
            share.get(name, y);
        });
    }

    @Override
    public Pair<Gradient, INDArray> backpropGradient(INDArray epsilon, LayerWorkspaceMgr workspaceMgr) {
        assertInputSet(true);
        requireInput();
        applyDropOutIfNecessary(true, workspaceMgr);
        INDArray x = rows();
        Targets targets = targets(x);
        Map<String, INDArray> inputs = Map.of(LayerGraph.INPUT, x, TARGETS, targets.ids());
        List<Share> shares = graph().training(inputs);
        double[] losses = new double[shares.size()];
        INDArray dx = workspaceMgr.createUninitialized(ArrayType.ACTIVATION_GRAD, dataType, x.shape(), 'c');
        Replicas.run(shares, share -> {
            double weight = targets.share(share.first(), share.rows());
            share.set(inputs, 0);
            // DL4J's updaters divide gradients by the number of examples.
            share.plan().set(LayerGraph.OUTPUT_GRADIENT, Nd4j.scalar(dataType, weight * x.size(0)), 0);
            share.plan().run();
            losses[share.replica()] =
                    weight * share.plan().output(graph.output()).getDouble(0);
            share.get(graph.gradientOf(LayerGraph.INPUT), dx);
        });
        if (layerConf().isTied()) {
            addUpTied(shares.size());
        } else {
            graph.addUp(shares.size(), gradientsFlattened);
        }
        loss = 0;
        for (double part : losses) {
            loss += part;
        }
        lossInput = input;
        lossLabels = labels;
        Gradient result = new DefaultGradient(gradientsFlattened);
        if (gradientViews != null) { // a tied head without a bias has none
            gradientViews.forEach(result::setGradientFor);
        }
        return new Pair<>(result, backpropDropOutIfPresent(ncw() ? dx.permute(0, 2, 1) : dx));
    }

    @Override
    public double computeScore(double fullNetRegTerm, boolean training, LayerWorkspaceMgr workspaceMgr) {
        if (lossInput != null && lossInput == input && lossLabels == labels) {
            return loss + fullNetRegTerm;
        }
        requireInput();
        INDArray x = rows();
        Targets targets = targets(x);
        Map<String, INDArray> inputs = Map.of(LayerGraph.INPUT, x, TARGETS, targets.ids());
        double[] losses = new double[(int) x.size(0)];
        graph().infer(graph.output(), inputs, share -> {
            share.set(inputs, 0);
            share.plan().run();
            losses[share.replica()] = targets.share(share.first(), share.rows())
                    * share.plan().output(graph.output()).getDouble(0);
        });
        return Arrays.stream(losses).sum() + fullNetRegTerm;
    }

    /** @return the mean loss of each sequence's counted steps, plus the penalty, [B,1] */
    @Override
    public INDArray computeScoreForExamples(double fullNetRegTerm, LayerWorkspaceMgr workspaceMgr) {
        requireInput();
        INDArray x = rows();
        Targets targets = targets(x);
        INDArray y = Nd4j.create(dataType, x.size(0), x.size(1), layerConf().getNOut());
        logits(x, y);
        double[] means = targets.meanLosses(y.reshape(y.length()).toDoubleVector());
        INDArray scores = Nd4j.createFromArray(means).addi(fullNetRegTerm).castTo(dataType);
        return workspaceMgr.leverageTo(ArrayType.ACTIVATIONS, scores.reshape(means.length, 1));
    }

    private boolean ncw() {
        return layerConf().getDataFormat() == RNNFormat.NCW;
    }

    private void requireInput() {
        LayerChecks.requireSequences(layerConf().describe(), input, layerConf().getNIn(), ncw());
    }

    /** @return the input as the graph takes it, row-major [B,T,C] */
    private INDArray rows() {
        INDArray typed = input.dataType() == dataType ? input : input.castTo(dataType);
        return NativeMemory.rowMajor(ncw() ? typed.permute(0, 2, 1) : typed);
    }

    private Targets targets(INDArray x) {
        if (labels == null) {
            throw new MiniGptException(
                    layerConf().describe() + " has no labels; fit or score the network with features and labels");
        }
        return Targets.of(layerConf(), labels, maskArray, (int) x.size(0), (int) x.size(1));
    }

    @Override
    public void setInput(INDArray input, LayerWorkspaceMgr workspaceMgr) {
        super.setInput(input, workspaceMgr);
        lossInput = null;
    }

    @Override
    public void clear() {
        super.clear();
        lossInput = null;
        lossLabels = null;
    }

    @Override
    public boolean needsLabels() {
        return true;
    }

    @Override
    public INDArray getLabels() {
        return labels;
    }

    @Override
    public void setLabels(INDArray labels) {
        this.labels = labels;
    }

    @Override
    @SuppressWarnings("deprecation") // of DL4J's interface
    public int numLabels() {
        return Math.toIntExact(layerConf().getNOut());
    }

    // A classifier without a network, which DL4J's output layers are too: nothing calls them so.

    @Override
    public double f1Score(DataSet data) {
        throw new UnsupportedOperationException(OF_NETWORK);
    }

    @Override
    public double f1Score(INDArray examples, INDArray labels) {
        throw new UnsupportedOperationException(OF_NETWORK);
    }

    @Override
    public int[] predict(INDArray examples) {
        throw new UnsupportedOperationException(OF_NETWORK);
    }

    @Override
    public List<String> predict(DataSet dataSet) {
        throw new UnsupportedOperationException(OF_NETWORK);
    }

    @Override
    public void fit(DataSetIterator iter) {
        throw new UnsupportedOperationException(OF_NETWORK);
    }

    @Override
    public void fit(INDArray examples, INDArray labels) {
        throw new UnsupportedOperationException(OF_NETWORK);
    }

    @Override
    public void fit(DataSet data) {
        throw new UnsupportedOperationException(OF_NETWORK);
    }

    @Override
    public void fit(INDArray examples, int[] labels) {
        throw new UnsupportedOperationException(OF_NETWORK);
    }
}
