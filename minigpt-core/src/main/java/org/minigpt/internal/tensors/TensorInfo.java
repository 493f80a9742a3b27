package org.minigpt.internal.tensors;

import java.util.List;

/**
 * A tensor's place.
 *
 * @param name its name
 * @param dtype type of its values
 * @param shape sizes of the axes; none for a scalar
 * @param begin offset of its first byte from the end of the header
 * @param end offset of the byte after its last one
 */
public record TensorInfo(String name, Dtype dtype, List<Long> shape, long begin, long end) {
    /** @return the number of bytes that shape and type make, exactly, or -1 if that is more than a long holds */
    public static long bytes(Dtype dtype, List<Long> shape) {
        try {
            return shape.stream().reduce((long) dtype.bytes(), Math::multiplyExact);
        } catch (ArithmeticException e) {
            return -1;
        }
    }

    public long[] shapeArray() {
        return shape.stream().mapToLong(Long::longValue).toArray();
    }
}
