package org.minigpt.internal.tensors;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * A tensor of a PyTorch file: a view of a storage, which others may share.
 *
 * @param dtype type of its values
 * @param storage the name of the storage
 * @param values how many the storage has
 * @param offset of the first value in the storage
 * @param shape sizes of the axes
 * @param strides steps in the storage along the axes, in values
 */
record TorchTensor(Dtype dtype, String storage, long values, long offset, List<Long> shape, List<Long> strides) {

    /** @return whether all sizes are what they can be, and all values within the storage */
    boolean isSound() {
        if (shape.size() != strides.size() || offset < 0 || values < 0) {
            return false;
        }
        try {
            long last = offset;
            for (int axis = 0; axis < shape.size(); axis++) {
                if (shape.get(axis) < 0 || strides.get(axis) < 0) {
                    return false;
                }
                last = Math.addExact(last, Math.multiplyExact(Math.max(0, shape.get(axis) - 1), strides.get(axis)));
            }
            Math.multiplyExact(values, dtype.bytes());
            return TensorInfo.bytes(dtype, shape) >= 0 && (shape.contains(0L) || last < values);
        } catch (ArithmeticException e) {
            return false;
        }
    }

    /** @return whether the values lie packed in row order */
    boolean isPacked() {
        long step = 1;
        for (int axis = shape.size() - 1; axis >= 0; axis--) {
            if (shape.get(axis) != 1 && strides.get(axis) != step) {
                return false;
            }
            step *= shape.get(axis);
        }
        return true;
    }

    /** @return whether this is a matrix that lies packed the other way around */
    boolean isTurned() {
        return shape.size() == 2 && transposed().isPacked();
    }

    /** @return the same values with the axes in the opposite order */
    TorchTensor transposed() {
        List<Long> sizes = new ArrayList<>(shape);
        List<Long> steps = new ArrayList<>(strides);
        Collections.reverse(sizes);
        Collections.reverse(steps);
        return new TorchTensor(dtype, storage, values, offset, List.copyOf(sizes), List.copyOf(steps));
    }

    /** @return where the values are in the storage, in bytes from the tensor's first one on, in row order */
    TensorInfo place(String name) {
        long begin = offset * dtype.bytes();
        return new TensorInfo(name, dtype, shape, begin, begin + TensorInfo.bytes(dtype, shape));
    }
}
