package org.minigpt.train;

import org.minigpt.MiniGptException;

/** The checks that the settings of training share; names are nanoGPT's. */
final class Checks {
    private Checks() {}

    static void requireAtLeast(int minimum, String name, int value) {
        if (value < minimum) {
            throw new MiniGptException(name + " is " + value + " but must be at least " + minimum + "; set it");
        }
    }

    /** Written so that NaN fails too, as all of these. */
    static void requirePositive(String name, double value, String usual) {
        if (!(value > 0 && value < Double.POSITIVE_INFINITY)) {
            throw new MiniGptException(name + " is " + value + " but must be positive; " + usual + " is usual");
        }
    }

    static void requireNotNegative(String name, double value, String usual) {
        if (!(value >= 0 && value < Double.POSITIVE_INFINITY)) {
            throw new MiniGptException(name + " is " + value + " but must not be negative; " + usual + " is usual");
        }
    }

    static void requireShare(String name, double value, String usual) {
        if (!(value >= 0 && value < 1)) {
            throw new MiniGptException(
                    name + " is " + value + " but must be in 0 ≤ " + name + " < 1; " + usual + " is usual");
        }
    }

    /** What schedules that rise and then fall have in common. */
    static void requireDecay(double learningRate, double minLr, int warmupIters, int lrDecayIters) {
        requirePositive("learning_rate", learningRate, "1e-3");
        requireNotNegative("min_lr", minLr, "a tenth of learning_rate");
        requireAtLeast(0, "warmup_iters", warmupIters);
        if (minLr > learningRate) {
            throw new MiniGptException("min_lr " + minLr + " is above learning_rate " + learningRate
                    + "; choose a smaller one, a tenth of it is usual");
        }
        if (lrDecayIters <= warmupIters) {
            throw new MiniGptException("lr_decay_iters " + lrDecayIters + " is not above warmup_iters " + warmupIters
                    + "; choose lr_decay_iters as max_iters, and fewer warmup_iters");
        }
    }
}
