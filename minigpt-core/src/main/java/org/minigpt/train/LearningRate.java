package org.minigpt.train;

import java.io.Serializable;
import org.nd4j.linalg.schedule.ISchedule;

/** The learning rate of each iteration; a function of the iteration alone, so that a resumed run needs no memory. */
@FunctionalInterface
public interface LearningRate extends Serializable {
    /**
     * @param iteration from 0
     * @return the rate of this iteration's step
     */
    double at(long iteration);

    /**
     * A learning rate that is a DL4J schedule too: {@code new Adam(schedule)} takes it, and it is saved with the JSON
     * of whatever holds it. Immutable.
     */
    sealed interface Schedule extends LearningRate, ISchedule
            permits ConstantRate, WarmupCosine, WarmupLinear, WarmupStableDecay {
        /** {@link #at}; the epoch has no say in it. */
        @Override
        default double valueAt(int iteration, int epoch) {
            return at(iteration);
        }

        /** @return this schedule itself, which nothing can change */
        @Override
        Schedule clone();
    }

    /**
     * @param learningRate of every iteration, positive
     * @return the same rate always
     * @throws org.minigpt.MiniGptException if the rate is not positive
     */
    static Schedule constant(double learningRate) {
        return new ConstantRate(learningRate);
    }

    /**
     * nanoGPT's schedule, {@code get_lr} of its {@code train.py}: a linear rise, half a period of a cosine down, and a
     * constant rest (Loshchilov and Hutter 2017, "SGDR", without restarts).
     *
     * <pre>
     * i &lt; warmupIters:   learningRate·(i + 1) / (warmupIters + 1)
     * i ≤ lrDecayIters:  minLr + (learningRate - minLr)·(1 + cos(π·(i - warmupIters) / (lrDecayIters - warmupIters))) / 2
     * beyond:            minLr
     * </pre>
     *
     * <p>Earlier versions of nanoGPT began with {@code learning_rate * it / warmup_iters}, whose first step does
     * nothing.
     *
     * @param learningRate the highest rate, at iteration {@code warmupIters}
     * @param minLr the rate from iteration {@code lrDecayIters} on
     * @param warmupIters the iterations of the rise, 0 for none
     * @param lrDecayIters the iteration at which the fall ends; nanoGPT advises the number of iterations of the run
     * @throws org.minigpt.MiniGptException if a value is out of range or the values do not fit each other
     */
    static Schedule warmupCosine(double learningRate, double minLr, int warmupIters, int lrDecayIters) {
        return new WarmupCosine(learningRate, minLr, warmupIters, lrDecayIters);
    }

    /**
     * A linear rise, a linear fall and a constant rest; BERT's and GPT-1's schedule. The rise and the parameters are
     * {@link #warmupCosine}'s.
     *
     * <pre>
     * i &lt; warmupIters:   learningRate·(i + 1) / (warmupIters + 1)
     * i ≤ lrDecayIters:  learningRate - (learningRate - minLr)·(i - warmupIters) / (lrDecayIters - warmupIters)
     * beyond:            minLr
     * </pre>
     */
    static Schedule warmupLinear(double learningRate, double minLr, int warmupIters, int lrDecayIters) {
        return new WarmupLinear(learningRate, minLr, warmupIters, lrDecayIters);
    }

    /**
     * A linear rise, a long constant stretch, a short linear fall and a constant rest (Hu et al. 2024, "MiniCPM";
     * Hägele et al. 2024, "Scaling Laws and Compute-Optimal Training Beyond Fixed Training Durations"). A run can be
     * lengthened as long as the fall has not begun. The rise and the other parameters are {@link #warmupCosine}'s.
     *
     * <pre>
     * i &lt; warmupIters:   learningRate·(i + 1) / (warmupIters + 1)
     * i ≤ decayStart:    learningRate
     * i ≤ lrDecayIters:  learningRate - (learningRate - minLr)·(i - decayStart) / (lrDecayIters - decayStart)
     * beyond:            minLr
     * </pre>
     *
     * @param decayStart the iteration from which the rate falls
     */
    static Schedule warmupStableDecay(
            double learningRate, double minLr, int warmupIters, int decayStart, int lrDecayIters) {
        return new WarmupStableDecay(learningRate, minLr, warmupIters, decayStart, lrDecayIters);
    }

    /** @return a schedule of DL4J's, by its iterations; a run has one epoch, 0 */
    static LearningRate of(ISchedule schedule) {
        return iteration -> schedule.valueAt(Math.toIntExact(iteration), 0);
    }
}
