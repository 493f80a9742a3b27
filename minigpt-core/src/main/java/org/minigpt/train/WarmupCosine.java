package org.minigpt.train;

import org.minigpt.util.MiniGptException;

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
 * <p>Earlier versions of nanoGPT began with {@code learning_rate * it / warmup_iters}, whose first step does nothing.
 *
 * @param learningRate the highest rate, at iteration {@code warmupIters}
 * @param minLr the rate from iteration {@code lrDecayIters} on
 * @param warmupIters the iterations of the rise, 0 for none
 * @param lrDecayIters the iteration at which the fall ends; nanoGPT advises the number of iterations of the run
 */
public record WarmupCosine(double learningRate, double minLr, int warmupIters, int lrDecayIters)
        implements LearningRate {

    /** @throws MiniGptException if a value is out of range or the values do not fit each other */
    public WarmupCosine {
        Checks.requirePositive("learning_rate", learningRate, "1e-3");
        Checks.requireNotNegative("min_lr", minLr, "a tenth of learning_rate");
        Checks.requireAtLeast(0, "warmup_iters", warmupIters);
        if (minLr > learningRate) {
            throw new MiniGptException("min_lr " + minLr + " is above learning_rate " + learningRate
                    + "; choose a smaller one, a tenth of it is usual");
        }
        if (lrDecayIters <= warmupIters) {
            throw new MiniGptException("lr_decay_iters " + lrDecayIters + " is not above warmup_iters " + warmupIters
                    + "; choose lr_decay_iters as max_iters, and fewer warmup_iters");
        }
    }

    @Override
    public double at(long iteration) {
        if (iteration < warmupIters) {
            return learningRate * (iteration + 1) / (warmupIters + 1);
        }
        if (iteration > lrDecayIters) {
            return minLr;
        }
        double decayRatio = (double) (iteration - warmupIters) / (lrDecayIters - warmupIters);
        double coefficient = 0.5 * (1 + Math.cos(Math.PI * decayRatio)); // from 1 to 0
        return minLr + coefficient * (learningRate - minLr);
    }
}
