package org.minigpt.dl4j;

import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.OptimizationAlgorithm;
import org.deeplearning4j.nn.api.layers.RecurrentLayer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.layers.BaseLayer;
import org.deeplearning4j.nn.updater.BaseMultiLayerUpdater;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.minigpt.MiniGptException;
import org.minigpt.internal.kernels.NativeMemory;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.regularization.Regularization;

/**
 * What hidden layers and heads have in common at work in a network: their parameters, and that they refuse to be given
 * a sequence in pieces. DL4J does so in truncated BPTT and {@code rnnTimeStep}, to recurrent layers, which have a state
 * that goes on from piece to piece; to be asked, these are recurrent layers without one.
 */
abstract class NetworkLayer<C extends GptLayer> extends BaseLayer<C> implements RecurrentLayer {
    private static final long serialVersionUID = 1L;

    private transient Map<String, INDArray> kinds; // null until they are asked for

    NetworkLayer(NeuralNetConfiguration conf, DataType dataType) {
        super(conf, dataType);
    }

    @Override
    public boolean isPretrainLayer() {
        return false;
    }

    /**
     * The parameters by their names, but all weights and all biases as one each to DL4J's updaters: these go through
     * them several times a step, and make four of ND4J's arrays for each, which took longer than a small GPT's forward
     * pass.
     */
    @Override
    public Map<String, INDArray> paramTable(boolean backpropParamsOnly) {
        return isForUpdater() ? kinds() : params;
    }

    private static boolean isForUpdater() {
        return StackWalker.getInstance()
                .walk(frames ->
                        frames.limit(6).anyMatch(f -> f.getClassName().equals(BaseMultiLayerUpdater.class.getName())));
    }

    /** @return {@link LayerParameters#kinds} of the parameters */
    private Map<String, INDArray> kinds() {
        if (kinds == null) {
            kinds = LayerParameters.kinds(layerConf(), paramsFlattened);
        }
        return kinds;
    }

    @Override
    public double calcRegularizationScore(boolean backpropParamsOnly) {
        double sum = 0;
        for (Map.Entry<String, INDArray> kind : kinds().entrySet()) {
            List<Regularization> all = layerConf().getRegularizationByParam(kind.getKey());
            for (Regularization r : all == null ? List.<Regularization>of() : all) {
                sum += r.score(kind.getValue(), getIterationCount(), getEpochCount());
            }
        }
        return sum;
    }

    @Override
    public void setParam(String key, INDArray val) {
        LayerParameters.set(params, key, val);
    }

    @Override
    public void setParams(INDArray params) {
        NativeMemory.copy(params.reshape(paramsFlattened.shape()), paramsFlattened);
    }

    @Override
    public void setParamsViewArray(INDArray params) {
        super.setParamsViewArray(params);
        kinds = null;
        if (this.params != null) {
            this.params = layerConf().initializer().getGradientsFromFlattened(conf(), params);
        }
    }

    @Override
    public INDArray rnnTimeStep(INDArray input, LayerWorkspaceMgr workspaceMgr) {
        if (!layerConf().isStepwise()) {
            throw new MiniGptException(layerConf().describe()
                    + " remembers nothing between calls of rnnTimeStep; call output with the whole context");
        }
        return activate(input, false, workspaceMgr);
    }

    @Override
    public INDArray rnnActivateUsingStoredState(
            INDArray input, boolean training, boolean storeLastForTBPTT, LayerWorkspaceMgr workspaceMgr) {
        if (!layerConf().isStepwise()) {
            throw truncated();
        }
        return activate(input, training, workspaceMgr);
    }

    @Override
    public Pair<Gradient, INDArray> tbpttBackpropGradient(
            INDArray epsilon, int tbpttBackLength, LayerWorkspaceMgr workspaceMgr) {
        return backpropGradient(epsilon, workspaceMgr);
    }

    /**
     * DL4J's truncated BPTT passes ids or labels [B,T] over, and knows of it in the network alone. What shows here is
     * that {@code fit} ends a batch with the count of steps that it began with.
     */
    @Override
    public void setIterationCount(int iterationCount) {
        boolean stepped = iterationCount != getIterationCount();
        super.setIterationCount(iterationCount);
        if (!stepped
                && !layerConf().isStepwise()
                && conf().getOptimizationAlgo() == OptimizationAlgorithm.STOCHASTIC_GRADIENT_DESCENT
                && endsBatch()) {
            throw truncated();
        }
    }

    /** @return whether the caller's caller, but for layers that wrap this one, is the end of {@code fit} */
    private static boolean endsBatch() {
        return StackWalker.getInstance()
                .walk(frames -> frames.dropWhile(f -> !f.getMethodName().equals("synchronizeIterEpochCounts"))
                        .skip(1)
                        .findFirst()
                        .filter(f -> f.getMethodName().equals("fitHelper"))
                        .isPresent());
    }

    private MiniGptException truncated() {
        return new MiniGptException(layerConf().describe() + " needs whole sequences, but the network has backpropType"
                + " TruncatedBPTT, which cuts them into pieces and passes ids [B,T] over; leave backpropType out");
    }

    @Override
    public Map<String, INDArray> rnnGetPreviousState() {
        return Map.of();
    }

    @Override
    public void rnnSetPreviousState(Map<String, INDArray> stateMap) {}

    @Override
    public void rnnClearPreviousState() {}

    @Override
    public Map<String, INDArray> rnnGetTBPTTState() {
        return Map.of();
    }

    @Override
    public void rnnSetTBPTTState(Map<String, INDArray> state) {}
}
