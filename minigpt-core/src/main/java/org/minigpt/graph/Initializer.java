package org.minigpt.graph;

import java.util.random.RandomGenerator;

/** The distribution of a parameter's first values. */
@FunctionalInterface
public interface Initializer {

    /** @return the next value */
    double next(RandomGenerator random);

    /** Always 0. */
    static Initializer zeros() {
        return random -> 0;
    }

    /** Always 1. */
    static Initializer ones() {
        return random -> 1;
    }

    /** Normal with mean 0. */
    static Initializer normal(double deviation) {
        return random -> deviation * random.nextGaussian();
    }

    /** Uniform on [-bound, bound). */
    static Initializer uniform(double bound) {
        return random -> bound * (2 * random.nextDouble() - 1);
    }

    /** Uniform on ±1/√fanIn: what PyTorch's {@code nn.Linear} does for weights and biases by default. */
    static Initializer pytorchLinear(long fanIn) {
        return uniform(1 / Math.sqrt(fanIn));
    }
}
