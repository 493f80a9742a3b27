package org.minigpt.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;
import org.minigpt.MiniGptException;
import org.minigpt.internal.kernels.AdamWKernel;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.internal.parallel.Workers;
import org.minigpt.internal.runtime.Workspaces;
import org.minigpt.model.Trainable.ParameterInfo;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter 2019) over one flat vector of parameters; the arithmetic and
 * its order, which are PyTorch's, stand in {@link AdamWKernel}. Not for use by several threads at once.
 *
 * <p>Its state are the two moments and the number of steps: with them an optimizer goes on bit for bit.
 */
public final class AdamW implements Optimizer {
    /** Fewer entries are not worth another thread. */
    private static final long MIN_PART = 65_536;

    private static final String FIRST = "exp_avg.";
    private static final String SECOND = "exp_avg_sq.";

    private final List<ParameterInfo> infos;
    private final ToDoubleFunction<ParameterInfo> rates; // in learning rates
    private final AdamWConfig config;
    private final INDArray firstMoment;
    private final INDArray secondMoment;
    private long steps;

    /**
     * @param infos where each parameter lies in the flat vectors; what lies between them is left alone
     * @param type of the parameters, gradients and moments, FLOAT or DOUBLE
     * @param config the settings
     */
    public AdamW(List<ParameterInfo> infos, DataType type, AdamWConfig config) {
        this(infos, type, config, info -> true, info -> 1);
    }

    /**
     * @param own those of the parameters that are this one's to change; the moments reach over all
     * @param rates by what the learning rate is multiplied for a parameter
     */
    AdamW(
            List<ParameterInfo> infos,
            DataType type,
            AdamWConfig config,
            Predicate<ParameterInfo> own,
            ToDoubleFunction<ParameterInfo> rates) {
        this.infos = infos.stream().filter(own).toList();
        this.rates = rates;
        this.config = config;
        long length = infos.stream()
                .mapToLong(info -> info.offset() + info.length())
                .max()
                .orElseThrow(() -> new MiniGptException("there are no parameters to optimize; pass at least one"));
        firstMoment = Workspaces.outside(() -> Nd4j.zeros(type, length));
        secondMoment = Workspaces.outside(() -> Nd4j.zeros(type, length));
    }

    @Override
    public void step(INDArray parameters, INDArray gradients, double learningRate, double gradientFactor) {
        Checks.requireNotNegative("learning_rate", learningRate, "1e-3");
        requireVector("parameters", parameters);
        requireVector("gradients", gradients);
        NativeMemory.of(parameters); // or it says why not, before anything is changed
        steps++;
        List<Update> updates = updates(learningRate, gradientFactor);
        if (firstMoment.dataType() == DataType.DOUBLE) {
            stepDouble(updates, parameters, gradients);
        } else {
            stepFloat(updates, parameters, NativeMemory.rowMajor(gradients));
        }
    }

    /** @param keep what weight decay leaves of the parameter */
    private record Update(ParameterInfo info, AdamWKernel.Step step, double keep) {}

    private List<Update> updates(double learningRate, double gradientFactor) {
        Map<Double, AdamWKernel.Step> ofRates = new HashMap<>(); // few, for many parameters
        List<Update> updates = new ArrayList<>();
        for (ParameterInfo info : infos) {
            double rate = learningRate * rates.applyAsDouble(info);
            AdamWKernel.Step step = ofRates.computeIfAbsent(
                    rate,
                    r -> AdamWKernel.Step.of(config.beta1(), config.beta2(), config.eps(), steps, r, gradientFactor));
            double keep = config.decay().contains(info) ? 1 - rate * config.weightDecay() : 1;
            updates.add(new Update(info, step, keep));
        }
        return updates;
    }

    /** The entries are shared out among threads; each is computed by itself, so the bits do not depend on how. */
    private void stepFloat(List<Update> updates, INDArray parameters, INDArray gradients) {
        long length = firstMoment.length();
        int parts = (int) Math.min(Runtime.getRuntime().availableProcessors(), 1 + length / MIN_PART);
        List<Runnable> tasks = new ArrayList<>();
        for (int part = 0; part < parts; part++) {
            long from = length * part / parts;
            long to = length * (part + 1) / parts;
            tasks.add(() -> stepFloat(updates, parameters, gradients, from, to));
        }
        Workers.runAll(tasks);
    }

    private void stepFloat(List<Update> updates, INDArray parameters, INDArray gradients, long from, long to) {
        AdamWKernel kernel = new AdamWKernel(
                Floats.of(parameters), Floats.of(gradients), Floats.of(firstMoment), Floats.of(secondMoment));
        for (Update update : updates) {
            ParameterInfo info = update.info;
            long start = Math.max(from, info.offset());
            long end = Math.min(to, info.offset() + info.length());
            if (start < end) {
                kernel.run(update.step, update.keep, (int) start, (int) (end - start));
            }
        }
    }

    private void stepDouble(List<Update> updates, INDArray parameters, INDArray gradients) {
        double[] p = parameters.toDoubleVector();
        double[] g = gradients.toDoubleVector();
        double[] m = firstMoment.toDoubleVector();
        double[] v = secondMoment.toDoubleVector();
        for (Update update : updates) {
            ParameterInfo info = update.info;
            AdamWKernel.update(update.step, update.keep, p, g, m, v, (int) info.offset(), (int) info.length());
        }
        NativeMemory.of(parameters).write(0, p);
        NativeMemory.of(firstMoment).write(0, m);
        NativeMemory.of(secondMoment).write(0, v);
    }

    /** @return the settings */
    public AdamWConfig config() {
        return config;
    }

    @Override
    public long steps() {
        return steps;
    }

    /** @return the live mean of the gradients m, flat, each entry at its parameter's place */
    public INDArray firstMoment() {
        return firstMoment;
    }

    /** @return the live mean of the squared gradients v, flat, each entry at its parameter's place */
    public INDArray secondMoment() {
        return secondMoment;
    }

    @Override
    public Map<String, INDArray> state() {
        Map<String, INDArray> state = new LinkedHashMap<>();
        for (ParameterInfo info : infos) {
            state.put(FIRST + info.name(), info.in(firstMoment));
            state.put(SECOND + info.name(), info.in(secondMoment));
        }
        return state;
    }

    @Override
    public void restore(Map<String, INDArray> state, long steps) {
        restore(state(), state, steps);
    }

    /** {@link #restore(Map, long)} to an optimizer's own state, of which this is a part. */
    void restore(Map<String, INDArray> own, Map<String, INDArray> state, long steps) {
        requireState(own, state, steps);
        own.forEach((name, array) -> NativeMemory.copy(state.get(name), array));
        this.steps = steps;
    }

    /** Checks what an optimizer is to take over. */
    static void requireState(Map<String, INDArray> own, Map<String, INDArray> state, long steps) {
        own.forEach((name, array) -> requireLike(name, array, state.get(name)));
        if (steps < 0 || state.size() != own.size()) {
            throw new MiniGptException("the optimizer has " + own.size() + " arrays and can't take " + state.size()
                    + " after " + steps + " steps; restore the state that was saved");
        }
    }

    private void requireVector(String name, INDArray vector) {
        if (vector.rank() != 1
                || vector.length() < firstMoment.length()
                || vector.dataType() != firstMoment.dataType()) {
            throw new MiniGptException("AdamW needs its " + name + " as a vector of " + firstMoment.length() + " "
                    + firstMoment.dataType() + " values or more, but got " + vector.dataType() + " of length "
                    + vector.length() + "; pass the flat vector of the model that it was made for");
        }
    }

    private static void requireLike(String name, INDArray own, INDArray array) {
        if (array == null || array.dataType() != own.dataType() || !array.equalShapes(own)) {
            String found = array == null ? "missing" : array.dataType() + " of shape " + Arrays.toString(array.shape());
            throw new MiniGptException("the optimizer's state " + name + " is " + found + ", but must be "
                    + own.dataType() + " of shape " + Arrays.toString(own.shape())
                    + "; restore what was saved with this model and these settings");
        }
    }
}
