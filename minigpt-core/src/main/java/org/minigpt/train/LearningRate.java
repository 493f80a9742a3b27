package org.minigpt.train;

import org.nd4j.linalg.schedule.ISchedule;

/** The learning rate of each iteration; a function of the iteration alone, so that a resumed run needs no memory. */
@FunctionalInterface
public interface LearningRate {
    /**
     * @param iteration from 0
     * @return the rate of this iteration's step
     */
    double at(long iteration);

    /** @return the same rate always */
    static LearningRate constant(double learningRate) {
        return new ConstantRate(learningRate);
    }

    /** @return nanoGPT's schedule; see {@link WarmupCosine} */
    static LearningRate warmupCosine(double learningRate, double minLr, int warmupIters, int lrDecayIters) {
        return new WarmupCosine(learningRate, minLr, warmupIters, lrDecayIters);
    }

    /** @return a rise, then a straight fall; see {@link WarmupLinear} */
    static LearningRate warmupLinear(double learningRate, double minLr, int warmupIters, int lrDecayIters) {
        return new WarmupLinear(learningRate, minLr, warmupIters, lrDecayIters);
    }

    /** @return a rise, a constant stretch and a fall at the end; see {@link WarmupStableDecay} */
    static LearningRate warmupStableDecay(
            double learningRate, double minLr, int warmupIters, int decayStart, int lrDecayIters) {
        return new WarmupStableDecay(learningRate, minLr, warmupIters, decayStart, lrDecayIters);
    }

    /** @return a schedule of DL4J's, by its iterations; a run has one epoch, 0 */
    static LearningRate of(ISchedule schedule) {
        return iteration -> schedule.valueAt(Math.toIntExact(iteration), 0);
    }
}
