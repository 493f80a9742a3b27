package org.minigpt.train;

import org.nd4j.linalg.schedule.ISchedule;

/**
 * A learning rate that is a DL4J schedule too: {@code new Adam(schedule)} takes it, and it is saved with the JSON of
 * whatever holds it. Immutable.
 */
public sealed interface RateSchedule extends LearningRate, ISchedule
        permits ConstantRate, WarmupCosine, WarmupLinear, WarmupStableDecay {
    /** {@link #at}; the epoch has no say in it. */
    @Override
    default double valueAt(int iteration, int epoch) {
        return at(iteration);
    }

    /** @return this schedule itself, which nothing can change */
    @Override
    RateSchedule clone();
}
