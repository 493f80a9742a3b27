package org.minigpt.dl4j;

import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.gradient.DefaultGradient;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.layers.samediff.SameDiffLayer;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.minigpt.dl4j.LayerGraph.Share;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * A {@link GptLayer} at work in a network: DL4J's SameDiff layer, on plans. Beyond speed it does what DL4J's own leaves
 * out: dropout in training, masks, sequences of any length, {@code setParam}, regularisation in the score. A fragment that
 * can't be planned is left to DL4J's, without these but with {@code setParam} and the score.
 */
final class GptLayerImpl extends SameDiffLayer {
    private static final long serialVersionUID = 1L;

    private transient LayerGraph graph;

    /** The input of the forward pass that the training plans hold, and the seed of its dropout; null if none. */
    private transient INDArray forwarded;

    private transient long dropoutKey;

    GptLayerImpl(NeuralNetConfiguration conf, DataType dataType) {
        super(conf, dataType);
    }

    private GptLayer gptLayer() {
        return (GptLayer) layerConf();
    }

    @SuppressWarnings("try") // the scope is there for its effect
    private LayerGraph graph() {
        if (graph == null || !graph.isOf(paramTable)) {
            try (MemoryWorkspace outside = Nd4j.getWorkspaceManager().scopeOutOfWorkspaces()) {
                graph = new LayerGraph(dataType, paramTable, !gptLayer().takesIds(), (sd, scope) -> {
                    SDVariable x = gptLayer().takesIds()
                            ? sd.placeHolder(LayerGraph.INPUT, DataType.INT32, -1, -1)
                            : sd.placeHolder(
                                    LayerGraph.INPUT,
                                    dataType,
                                    -1,
                                    -1,
                                    gptLayer().getNIn());
                    return gptLayer().define(scope, x);
                });
            }
        }
        return graph;
    }

    @Override
    public INDArray activate(boolean training, LayerWorkspaceMgr workspaceMgr) {
        assertInputSet(false);
        gptLayer().validateInput(input);
        if (!gptLayer().takesIds()) {
            applyDropOutIfNecessary(training, workspaceMgr);
        }
        Padding padding = padding();
        INDArray x = rows(input, padding);
        INDArray y = workspaceMgr.createUninitialized(
                ArrayType.ACTIVATIONS,
                dataType,
                new long[] {x.size(0), x.size(1), gptLayer().getNOut()},
                'c');
        boolean planned = training ? forwardInTraining(x, y) : forward(x, y);
        if (!planned) {
            return super.activate(training, workspaceMgr);
        }
        if (padding != null) {
            y.assign(padding.back(y));
        }
        return gptLayer().getDataFormat() == RNNFormat.NCW ? y.permute(0, 2, 1) : y;
    }

    private boolean forward(INDArray x, INDArray y) {
        Map<String, INDArray> inputs = Map.of(LayerGraph.INPUT, x);
        List<Share> shares = graph().inference(graph().output(), inputs);
        if (shares == null) {
            return false;
        }
        LayerGraph.run(shares, share -> {
            LayerGraph.set(share, inputs, 0);
            share.plan().run();
            copy(share, graph.output(), y);
        });
        return true;
    }

    private boolean forwardInTraining(INDArray x, INDArray y) {
        dropoutKey = Nd4j.getRandom().nextLong();
        forwarded = input;
        return runForward(x, y, trainingShares(x));
    }

    private boolean runForward(INDArray x, INDArray y, List<Share> shares) {
        if (shares == null) {
            return false;
        }
        Map<String, INDArray> inputs = Map.of(LayerGraph.INPUT, x);
        LayerGraph.run(shares, share -> {
            LayerGraph.set(share, inputs, dropoutKey);
            share.plan().runBefore(LayerGraph.OUTPUT_GRADIENT);
            if (y != null) {
                copy(share, graph.output(), y);
            }
        });
        return true;
    }

    private List<Share> trainingShares(INDArray x) {
        return graph().training(
                        Map.of(LayerGraph.INPUT, x),
                        x.size(0),
                        x.size(1),
                        gptLayer().getNOut());
    }

    @Override
    public Pair<Gradient, INDArray> backpropGradient(INDArray epsilon, LayerWorkspaceMgr workspaceMgr) {
        assertInputSet(true);
        gptLayer().validateInput(input);
        Padding padding = padding();
        INDArray x = rows(input, padding);
        List<Share> shares = trainingShares(x);
        if (shares == null) {
            return super.backpropGradient(epsilon, workspaceMgr);
        }
        if (forwarded != input) {
            dropoutKey = 0;
            runForward(x, null, shares);
        }
        forwarded = null;
        INDArray dy = rowMajor(gptLayer().getDataFormat() == RNNFormat.NCW ? epsilon.permute(0, 2, 1) : epsilon);
        INDArray dyInFront = padding == null ? dy : padding.toFront(dy);
        INDArray dx = gptLayer().takesIds()
                ? null
                : workspaceMgr.createUninitialized(ArrayType.ACTIVATION_GRAD, dataType, x.shape(), 'c');
        Map<String, INDArray> gradient = Map.of(LayerGraph.OUTPUT_GRADIENT, dyInFront);
        LayerGraph.run(shares, share -> {
            LayerGraph.set(share, gradient, dropoutKey);
            share.plan().runFrom(LayerGraph.OUTPUT_GRADIENT);
            if (dx != null) {
                copy(share, graph.gradientOf(LayerGraph.INPUT), dx);
            }
        });
        graph.addUp(shares.size(), gradients);
        Gradient result = new DefaultGradient(gradients);
        gradTable.forEach(result::setGradientFor);
        if (dx == null) {
            return new Pair<>(result, null);
        }
        if (padding != null) {
            dx.assign(padding.back(dx));
        }
        INDArray out = gptLayer().getDataFormat() == RNNFormat.NCW ? dx.permute(0, 2, 1) : dx;
        return new Pair<>(result, backpropDropOutIfPresent(out));
    }

    private static void copy(Share share, String name, INDArray target) {
        long rowLength = target.length() / target.size(0);
        share.plan().get(name, target, share.first() * rowLength);
    }

    private Padding padding() {
        boolean last = !gptLayer().takesIds() && gptLayer().getDataFormat() == RNNFormat.NCW;
        long b = input.size(0);
        long t = gptLayer().takesIds() ? input.length() / b : input.size(last ? 2 : 1);
        return Padding.of(maskArray, (int) b, (int) t);
    }

    /** @return the input as the graph takes it: row-major, [B,T,C] or ids [B,T], padding behind */
    private INDArray rows(INDArray input, Padding padding) {
        INDArray x;
        if (gptLayer().takesIds()) {
            x = Ids.of(gptLayer().describe(), input, gptLayer().getNIn(), maskArray);
        } else {
            INDArray typed = input.dataType() == dataType ? input : input.castTo(dataType);
            x = rowMajor(gptLayer().getDataFormat() == RNNFormat.NCW ? typed.permute(0, 2, 1) : typed);
        }
        return padding == null ? x : padding.toFront(x);
    }

    private static INDArray rowMajor(INDArray x) {
        return org.minigpt.ops.JavaOp.isRowMajor(x) ? x : x.dup('c');
    }

    @Override
    public void clear() {
        super.clear();
        forwarded = null;
    }

    @Override
    public void setParam(String key, INDArray val) {
        LayerParameters.set(paramTable, key, val);
    }

    @Override
    public void setParamsViewArray(INDArray params) {
        super.setParamsViewArray(params);
        if (paramTable != null) {
            paramTable = layerConf().initializer().getGradientsFromFlattened(conf(), params);
        }
    }

    @Override
    public double calcRegularizationScore(boolean backpropParamsOnly) {
        return LayerParameters.regularizationScore(layerConf(), paramTable, getIterationCount(), getEpochCount());
    }
}
