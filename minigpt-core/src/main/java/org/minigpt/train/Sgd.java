package org.minigpt.train;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.minigpt.MiniGptException;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.internal.runtime.Workspaces;
import org.minigpt.model.Trainable.ParameterInfo;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * Gradient descent with momentum, in PyTorch's order: {@code v = μ·v + g}, and {@code p = p - rate·v}, or
 * {@code p - rate·(g + μ·v)} by Nesterov. It is the outer optimizer of DiLoCo (Douillard et al. 2023, arXiv:2311.08105).
 * Not for use by several threads at once.
 */
final class Sgd implements Optimizer {
    private static final String MOMENTUM = "momentum_buffer.";

    private final List<ParameterInfo> infos;
    private final SgdConfig config;
    private final INDArray momentum;
    private long steps;

    /**
     * @param infos where each parameter lies in the flat vectors, without gaps but of zeros
     * @param type of the parameters, gradients and momentum, FLOAT or DOUBLE
     * @param config the settings
     */
    Sgd(List<ParameterInfo> infos, DataType type, SgdConfig config) {
        this.infos = infos;
        this.config = config;
        long length = infos.stream()
                .mapToLong(info -> info.offset() + info.length())
                .max()
                .orElseThrow(() -> new MiniGptException("there are no parameters to optimize; pass at least one"));
        momentum = Workspaces.outside(() -> Nd4j.zeros(type, length));
    }

    @Override
    public void step(INDArray parameters, INDArray gradients, double learningRate, double gradientFactor) {
        Checks.requireNotNegative("learning_rate", learningRate, "0.7");
        INDArray p = first("parameters", parameters);
        INDArray g = first("gradients", gradients);
        steps++;
        Workspaces.outside(() -> {
            try (INDArray scaled = g.mul(gradientFactor)) {
                momentum.muli(config.momentum()).addi(scaled);
                if (config.nesterov()) {
                    try (INDArray ahead = momentum.mul(config.momentum())) {
                        p.subi(scaled.addi(ahead).muli(learningRate));
                    }
                } else {
                    try (INDArray change = momentum.mul(learningRate)) {
                        p.subi(change);
                    }
                }
            }
            return p;
        });
    }

    private INDArray first(String name, INDArray vector) {
        if (vector.rank() != 1 || vector.length() < momentum.length() || vector.dataType() != momentum.dataType()) {
            throw new MiniGptException("SGD needs its " + name + " as a vector of " + momentum.length() + " "
                    + momentum.dataType() + " values or more, but got " + vector.dataType() + " of length "
                    + vector.length() + "; pass the flat vector of the model that it was made for");
        }
        return vector.get(NDArrayIndex.interval(0, momentum.length()));
    }

    @Override
    public long steps() {
        return steps;
    }

    @Override
    public Map<String, INDArray> state() {
        Map<String, INDArray> state = new LinkedHashMap<>();
        infos.forEach(info -> state.put(MOMENTUM + info.name(), info.in(momentum)));
        return state;
    }

    @Override
    public void restore(Map<String, INDArray> state, long steps) {
        Map<String, INDArray> own = state();
        AdamW.requireState(own, state, steps);
        own.forEach((name, array) -> NativeMemory.copy(state.get(name), array));
        this.steps = steps;
    }
}
