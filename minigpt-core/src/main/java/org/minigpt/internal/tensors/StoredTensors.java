package org.minigpt.internal.tensors;

import java.io.DataInput;
import java.util.Arrays;
import java.util.function.Consumer;
import org.apache.commons.io.function.IOConsumer;
import org.minigpt.MiniGptException;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Tensors as they lie in files, with whatever names and layout those have. */
public interface StoredTensors extends TensorFile {

    /**
     * Reads bytes of a tensor as they are in the file.
     *
     * @param tensor one of these, or one of these {@linkplain TensorInfo#transposed turned}
     * @param from the first byte, counted from the tensor's own first one
     * @throws MiniGptException if the file can't be read
     */
    void at(TensorInfo tensor, long from, IOConsumer<DataInput> reader);

    /** {@inheritDoc} It may be turned. */
    @Override
    default void read(TensorInfo tensor, INDArray target) {
        at(tensor, 0, in -> tensor.read(in, target));
    }

    @Override
    default boolean bytes(TensorInfo tensor, Consumer<byte[]> pieces) {
        long length = tensor.end() - tensor.begin();
        for (long from = 0; from < length; from += 1 << 20) {
            pieces.accept(bytes(tensor, from, (int) Math.min(1 << 20, length - from)));
        }
        return true;
    }

    @Override
    default boolean same(TensorInfo a, TensorInfo b) {
        if (a.dtype() != b.dtype() || !a.shape().equals(b.shape()) || a.turned() != b.turned()) {
            return false;
        }
        long length = a.end() - a.begin();
        for (long from = 0; from < length; from += 1 << 20) {
            int count = (int) Math.min(1 << 20, length - from);
            if (!Arrays.equals(bytes(a, from, count), bytes(b, from, count))) {
                return false;
            }
        }
        return true;
    }

    private byte[] bytes(TensorInfo tensor, long from, int count) {
        byte[] bytes = new byte[count];
        at(tensor, from, in -> in.readFully(bytes));
        return bytes;
    }
}
