package org.minigpt.dl4j;

import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.gradient.DefaultGradient;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.minigpt.internal.batch.Replicas;
import org.minigpt.internal.batch.Share;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.internal.runtime.Workspaces;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * A {@link GptLayer} at work in a network, on plans; a fragment that can't be planned runs op by op, with the same
 * results.
 */
class GptLayerImpl extends NetworkLayer<GptLayer> {
    private static final long serialVersionUID = 1L;

    /** The matrix that a tied head shares, [V,C]. */
    static final String EMBEDDING = "wte.weight";

    private transient LayerGraph graph;

    /** The input of the forward pass that the training plans hold, with those and the seed of its dropout. */
    private transient INDArray forwarded; // null if none

    private transient List<Share> shares; // null if the graph can't be planned
    private transient long dropoutKey;

    /**
     * What a tied head found of the gradient of the embedding's matrix, in this backward pass; null if there is none.
     */
    private transient INDArray gradientOfHead;

    GptLayerImpl(NeuralNetConfiguration conf, DataType dataType) {
        super(conf, dataType);
    }

    private LayerGraph graph() {
        if (graph == null || !graph.isOf(params)) {
            graph = Workspaces.outside(() ->
                    new LayerGraph(dataType, params, !layerConf().takesIds(), (sd, scope) -> {
                        SDVariable x = layerConf().takesIds()
                                ? sd.placeHolder(LayerGraph.INPUT, DataType.INT32, -1, -1)
                                : sd.placeHolder(
                                        LayerGraph.INPUT,
                                        dataType,
                                        -1,
                                        -1,
                                        layerConf().getNIn());
                        return layerConf().define(scope, x);
                    }));
        }
        return graph;
    }

    @Override
    public INDArray activate(boolean training, LayerWorkspaceMgr workspaceMgr) {
        assertInputSet(false);
        LayerChecks.input(layerConf(), input);
        if (!layerConf().takesIds()) {
            applyDropOutIfNecessary(training, workspaceMgr);
        }
        Padding padding = padding();
        INDArray x = rows(input, padding);
        INDArray y = workspaceMgr.createUninitialized(
                ArrayType.ACTIVATIONS,
                dataType,
                new long[] {x.size(0), x.size(1), layerConf().getNOut()},
                'c');
        if (training) {
            forwardInTraining(x, y);
        } else {
            forward(x, y);
        }
        if (padding != null) {
            NativeMemory.copy(padding.back(y), y);
        }
        return layerConf().getDataFormat() == RNNFormat.NCW ? y.permute(0, 2, 1) : y;
    }

    private void forward(INDArray x, INDArray y) {
        Map<String, INDArray> inputs = Map.of(LayerGraph.INPUT, x);
        boolean planned = graph().infer(graph.output(), inputs, share -> {
            share.set(inputs, 0);
            share.plan().run();
            share.get(graph.output(), y);
        });
        if (!planned) {
            graph.outputBySession(inputs, 0, y);
        }
    }

    private void forwardInTraining(INDArray x, INDArray y) {
        dropoutKey = Nd4j.getRandom().nextLong();
        forwarded = input;
        shares = trainingShares(x);
        if (shares == null) {
            graph.outputBySession(Map.of(LayerGraph.INPUT, x), dropoutKey, y);
        } else {
            runForward(x, y);
        }
    }

    /** @param y null if the output is not wanted */
    private void runForward(INDArray x, INDArray y) {
        Map<String, INDArray> inputs = Map.of(LayerGraph.INPUT, x);
        Replicas.run(shares, share -> {
            share.set(inputs, dropoutKey);
            share.plan().runBefore(LayerGraph.OUTPUT_GRADIENT);
            if (y != null) {
                share.get(graph.output(), y);
            }
        });
    }

    private List<Share> trainingShares(INDArray x) {
        return graph().training(
                        Map.of(LayerGraph.INPUT, x),
                        x.size(0),
                        x.size(1),
                        layerConf().getNOut());
    }

    @Override
    public Pair<Gradient, INDArray> backpropGradient(INDArray epsilon, LayerWorkspaceMgr workspaceMgr) {
        assertInputSet(true);
        LayerChecks.input(layerConf(), input);
        Padding padding = padding();
        INDArray dy = NativeMemory.rowMajor(
                layerConf().getDataFormat() == RNNFormat.NCW ? epsilon.permute(0, 2, 1) : epsilon);
        INDArray dyInFront = padding == null ? dy : padding.toFront(dy);
        INDArray dx = layerConf().takesIds()
                ? null
                : workspaceMgr.createUninitialized(
                        ArrayType.ACTIVATION_GRAD,
                        dataType,
                        new long[] {dy.size(0), dy.size(1), layerConf().getNIn()},
                        'c');
        if (forwarded != input) {
            dropoutKey = 0;
            INDArray x = rows(input, padding);
            shares = trainingShares(x);
            if (shares != null) {
                runForward(x, null);
            }
        }
        if (shares == null) {
            INDArray x = rows(input, padding);
            graph.gradientsBySession(
                    Map.of(LayerGraph.INPUT, x, LayerGraph.OUTPUT_GRADIENT, dyInFront), dropoutKey, gradientViews, dx);
        } else {
            backward(dyInFront, dx);
        }
        forwarded = null;
        if (gradientOfHead != null) {
            gradientViews.get(EMBEDDING).addi(gradientOfHead);
            gradientOfHead = null;
        }
        Gradient result = new DefaultGradient(gradientsFlattened);
        gradientViews.forEach(result::setGradientFor);
        if (dx == null) {
            return new Pair<>(result, null);
        }
        if (padding != null) {
            NativeMemory.copy(padding.back(dx), dx);
        }
        INDArray out = layerConf().getDataFormat() == RNNFormat.NCW ? dx.permute(0, 2, 1) : dx;
        return new Pair<>(result, backpropDropOutIfPresent(out));
    }

    private void backward(INDArray dy, INDArray dx) {
        Map<String, INDArray> gradient = Map.of(LayerGraph.OUTPUT_GRADIENT, dy);
        Replicas.run(shares, share -> {
            share.set(gradient, dropoutKey);
            share.plan().runFrom(LayerGraph.OUTPUT_GRADIENT);
            if (dx != null) {
                share.get(graph.gradientOf(LayerGraph.INPUT), dx);
            }
        });
        graph.addUp(shares.size(), gradientsFlattened);
    }

    /**
     * @param gradient of the embedding's matrix, [V,C], to add to the layer's own, which is computed after the head's
     */
    void addGradientOfHead(INDArray gradient) {
        gradientOfHead = gradient;
    }

    private Padding padding() {
        boolean last = !layerConf().takesIds() && layerConf().getDataFormat() == RNNFormat.NCW;
        long b = input.size(0);
        long t = layerConf().takesIds() ? input.length() / b : input.size(last ? 2 : 1);
        return Padding.of(maskArray, (int) b, (int) t);
    }

    /** @return the input as the graph takes it: row-major, [B,T,C] or ids [B,T], padding behind */
    private INDArray rows(INDArray input, Padding padding) {
        INDArray x;
        if (layerConf().takesIds()) {
            x = Ids.of(layerConf().describe(), input, layerConf().getNIn(), maskArray);
        } else {
            INDArray typed = input.dataType() == dataType ? input : input.castTo(dataType);
            x = NativeMemory.rowMajor(layerConf().getDataFormat() == RNNFormat.NCW ? typed.permute(0, 2, 1) : typed);
        }
        return padding == null ? x : padding.toFront(x);
    }

    @Override
    public void clear() {
        super.clear();
        forwarded = null;
    }
}
