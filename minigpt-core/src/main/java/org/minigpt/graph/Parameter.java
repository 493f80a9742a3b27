package org.minigpt.graph;

import java.util.Arrays;
import java.util.List;

/**
 * A trainable array that a layer declares.
 *
 * @param name within the layer, after Hugging Face's GPT-2: {@code c_attn.weight}
 * @param shape sizes of the axes
 * @param initializer of its entries, in row-major order
 */
public record Parameter(String name, List<Long> shape, Initializer initializer) {

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
