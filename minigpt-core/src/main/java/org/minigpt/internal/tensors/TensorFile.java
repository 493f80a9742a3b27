package org.minigpt.internal.tensors;

import java.io.Closeable;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.minigpt.MiniGptException;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Tensors in one file or several, under the names and in the layout of Hugging Face's GPT-2: linear weights [in,out]. */
public interface TensorFile extends Closeable {

    /** @return the file that messages name */
    Path path();

    /** @return the tensors by name, in the order in which they are best read */
    Map<String, TensorInfo> tensors();

    /**
     * Reads a tensor into an array of its size: FLOAT for F32, F16 and BF16, else of its own type.
     *
     * @throws MiniGptException if the file can't be read
     */
    void read(TensorInfo tensor, INDArray target);

    /** Reads a matrix [b,a] into an array [a,b] of FLOAT. */
    void readTransposed(TensorInfo tensor, INDArray target);

    /** @return some of a tensor's bytes, as they are in the file */
    byte[] bytes(TensorInfo tensor, long from, int count);

    /** @return whether two tensors have the same type, shape and bits */
    default boolean same(TensorInfo a, TensorInfo b) {
        if (a.dtype() != b.dtype() || !a.shape().equals(b.shape())) {
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

    @Override
    void close();
}
