package org.minigpt.graph;

import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * A trainable array that a layer declares.
 *
 * @param name within the layer, after Hugging Face's GPT-2: {@code c_attn.weight}
 * @param shape sizes of the axes
 * @param initializer of its entries, in row-major order
 */
public record Parameter(String name, List<Long> shape, Initializer initializer) {

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

    /** @param shape sizes of the axes */
    public static Parameter of(String name, Initializer initializer, long... shape) {
        return new Parameter(name, Arrays.stream(shape).boxed().toList(), initializer);
    }

    /** @return the same parameter under {@code prefix.name} */
    Parameter within(String prefix) {
        return new Parameter(prefix + "." + name, shape, initializer);
    }

    /** @return the sizes of the axes */
    public long[] shapeArray() {
        return shape.stream().mapToLong(Long::longValue).toArray();
    }

    /** @return the number of entries */
    public long length() {
        return shape.stream().reduce(1L, Math::multiplyExact);
    }
}
