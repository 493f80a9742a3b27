package org.minigpt.train;

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
}
