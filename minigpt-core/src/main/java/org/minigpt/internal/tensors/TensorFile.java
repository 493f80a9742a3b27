package org.minigpt.internal.tensors;

import java.io.Closeable;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Consumer;
import org.minigpt.MiniGptException;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Tensors in one file or several, under the names and in the layout of Hugging Face's GPT-2: linear weights [in,out]. */
public interface TensorFile extends Closeable {

    /** @return the file that messages name */
    Path path();

    /** @return the tensors by name, in the order in which they are best read */
    Map<String, TensorInfo> tensors();

    /**
     * Reads a tensor into an array of its shape, which is FLOAT for F32, F16 and BF16, else of its own type.
     *
     * @param tensor one of these
     * @throws MiniGptException if the file can't be read
     */
    void read(TensorInfo tensor, INDArray target);

    /**
     * Hands on the bytes of a tensor as they are in the file, a piece after the other.
     *
     * @return false, and nothing is handed on, if its values do not lie there in the order of the outputs
     */
    boolean bytes(TensorInfo tensor, Consumer<byte[]> pieces);

    /** @return whether two tensors have the same type, shape and bits */
    boolean same(TensorInfo a, TensorInfo b);

    @Override
    void close();
}
