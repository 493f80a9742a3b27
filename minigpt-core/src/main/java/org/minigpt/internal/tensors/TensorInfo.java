package org.minigpt.internal.tensors;

import java.io.DataInput;
import java.io.IOException;
import java.util.List;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.internal.runtime.Workspaces;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * A tensor's place.
 *
 * @param name its name in the file
 * @param dtype type of its values
 * @param shape sizes of the axes; none for a scalar
 * @param begin offset of its first byte from the end of the header
 * @param end offset of the byte after its last one
 * @param turned whether a matrix [a,b] lies in the file as [b,a]
 */
public record TensorInfo(String name, Dtype dtype, List<Long> shape, long begin, long end, boolean turned) {
    /** A tensor that lies in the file as it is. */
    public TensorInfo(String name, Dtype dtype, List<Long> shape, long begin, long end) {
        this(name, dtype, shape, begin, end, false);
    }

    /**
     * @return the number of bytes that shape and type make, exactly, or -1 if that is more than a long holds, or rows are no
     *     whole blocks
     */
    public static long bytes(Dtype dtype, List<Long> shape) {
        if (dtype.blockSize() > 1 && (shape.isEmpty() || shape.get(shape.size() - 1) % dtype.blockSize() != 0)) {
            return -1;
        }
        try {
            return shape.stream().reduce((long) dtype.bytes(), Math::multiplyExact) / dtype.blockSize();
        } catch (ArithmeticException e) {
            return -1;
        }
    }

    public long[] shapeArray() {
        return shape.stream().mapToLong(Long::longValue).toArray();
    }

    /** @return [b,a] of the same values if this is a matrix [a,b], else this */
    public TensorInfo transposed() {
        return shape.size() == 2
                ? new TensorInfo(name, dtype, List.of(shape.get(1), shape.get(0)), begin, end, !turned)
                : this;
    }

    /**
     * Reads all values into an array of as many, packed in row order: FLOAT for F32 and what is narrower, else of their own type.
     *
     * @param in from the tensor's first byte on
     */
    public void read(DataInput in, INDArray target) throws IOException {
        boolean widened = target.dataType() == DataType.FLOAT && dtype.narrow();
        long bytes = widened
                ? target.length() / dtype.blockSize() * dtype.bytes()
                : target.length() * target.dataType().width();
        if (bytes != end - begin) {
            throw new IllegalArgumentException(
                    this + " does not fill an array of " + target.length() + " " + target.dataType());
        }
        if (turned && target.dataType() == DataType.FLOAT) {
            FloatValues.readTransposed(in, dtype, target);
        } else if (turned) {
            INDArray values = Workspaces.outside(
                    () -> Nd4j.createUninitialized(target.dataType(), target.size(1), target.size(0)));
            RawValues.read(in, values);
            NativeMemory.copy(values.transpose(), target);
        } else if (widened) {
            FloatValues.read(in, dtype, target);
        } else {
            RawValues.read(in, target);
        }
    }
}
