package org.minigpt.train;

import java.util.ArrayList;
import java.util.List;
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
public final class AdamW {
    /** Fewer entries are not worth another thread. */
    private static final long MIN_PART = 65_536;

    private final List<ParameterInfo> infos;
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
        this.infos = List.copyOf(infos);
        this.config = config;
        long length = this.infos.stream()
                .mapToLong(info -> info.offset() + info.length())
                .max()
                .orElseThrow(() -> new MiniGptException("there are no parameters to optimize; pass at least one"));
        firstMoment = Workspaces.outside(() -> Nd4j.zeros(type, length));
        secondMoment = Workspaces.outside(() -> Nd4j.zeros(type, length));
    }

    /** One step with the whole gradients. */
    public void step(INDArray parameters, INDArray gradients, double learningRate) {
        step(parameters, gradients, learningRate, 1);
    }

    /**
     * One step: updates the parameters and the moments.
     *
     * @param parameters flat, at least as long as the parameters reach, without gaps
     * @param gradients flat, each at its parameter's place; not changed
     * @param learningRate not negative
     * @param gradientFactor the gradients count times this: {@link GradientClip#coefficient}, or 1
     * @throws MiniGptException if the learning rate is negative or not finite, or a vector is too short or of another
     *     type
     */
    public void step(INDArray parameters, INDArray gradients, double learningRate, double gradientFactor) {
        Checks.requireNotNegative("learning_rate", learningRate, "1e-3");
        requireVector("parameters", parameters);
        requireVector("gradients", gradients);
        NativeMemory.of(parameters); // or it says why not, before anything is changed
        steps++;
        AdamWKernel.Step step =
                AdamWKernel.Step.of(config.beta1(), config.beta2(), config.eps(), steps, learningRate, gradientFactor);
        double keep = 1 - learningRate * config.weightDecay();
        if (firstMoment.dataType() == DataType.DOUBLE) {
            stepDouble(step, keep, parameters, gradients);
        } else {
            stepFloat(step, keep, parameters, NativeMemory.rowMajor(gradients));
        }
    }

    /** The entries are shared out among threads; each is computed by itself, so the bits do not depend on how. */
    private void stepFloat(AdamWKernel.Step step, double keep, INDArray parameters, INDArray gradients) {
        long length = firstMoment.length();
        int parts = (int) Math.min(Runtime.getRuntime().availableProcessors(), 1 + length / MIN_PART);
        List<Runnable> tasks = new ArrayList<>();
        for (int part = 0; part < parts; part++) {
            long from = length * part / parts;
            long to = length * (part + 1) / parts;
            tasks.add(() -> stepFloat(step, keep, parameters, gradients, from, to));
        }
        Workers.runAll(tasks);
    }

    private void stepFloat(
            AdamWKernel.Step step, double keep, INDArray parameters, INDArray gradients, long from, long to) {
        AdamWKernel kernel = new AdamWKernel(
                Floats.of(parameters), Floats.of(gradients), Floats.of(firstMoment), Floats.of(secondMoment));
        for (ParameterInfo info : infos) {
            long start = Math.max(from, info.offset());
            long end = Math.min(to, info.offset() + info.length());
            if (start < end) {
                kernel.run(step, keep(info, keep), (int) start, (int) (end - start));
            }
        }
    }

    private void stepDouble(AdamWKernel.Step step, double keep, INDArray parameters, INDArray gradients) {
        double[] p = parameters.toDoubleVector();
        double[] g = gradients.toDoubleVector();
        double[] m = firstMoment.toDoubleVector();
        double[] v = secondMoment.toDoubleVector();
        for (ParameterInfo info : infos) {
            AdamWKernel.update(step, keep(info, keep), p, g, m, v, (int) info.offset(), (int) info.length());
        }
        NativeMemory.of(parameters).write(0, p);
        NativeMemory.of(firstMoment).write(0, m);
        NativeMemory.of(secondMoment).write(0, v);
    }

    private double keep(ParameterInfo info, double keep) {
        return config.decay().contains(info) ? keep : 1;
    }

    /** @return the settings */
    public AdamWConfig config() {
        return config;
    }

    /** @return the number of steps taken */
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

    /**
     * Takes over the state of another optimizer of the same parameters.
     *
     * @param firstMoment as {@link #firstMoment}; copied
     * @param secondMoment as {@link #secondMoment}; copied
     * @param steps as {@link #steps}
     * @throws MiniGptException if a moment has another type or length, or the number of steps is negative
     */
    public void restore(INDArray firstMoment, INDArray secondMoment, long steps) {
        requireMoment("first", firstMoment);
        requireMoment("second", secondMoment);
        if (steps < 0) {
            throw new MiniGptException(
                    "the optimizer can't have taken " + steps + " steps; restore the state that was saved");
        }
        NativeMemory.copy(firstMoment, this.firstMoment);
        NativeMemory.copy(secondMoment, this.secondMoment);
        this.steps = steps;
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

    private void requireMoment(String name, INDArray moment) {
        if (moment.length() != firstMoment.length() || moment.dataType() != firstMoment.dataType()) {
            throw new MiniGptException("the " + name + " moment has " + moment.length() + " values of type "
                    + moment.dataType() + ", but this model's has " + firstMoment.length() + " of type "
                    + firstMoment.dataType() + "; restore the state that was saved with this model");
        }
    }
}
