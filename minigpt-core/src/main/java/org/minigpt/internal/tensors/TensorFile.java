package org.minigpt.internal.tensors;

import java.io.Closeable;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.minigpt.MiniGptException;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Tensors in one file or several, under the names and in the layout of Hugging Face's GPT-2: linear weights [in,out]. */
public interface TensorFile extends Closeable {

    /** @return the file that messages name */
    Path path();

    /** @return the tensors by name, in the order in which they are best read */
    Map<String, TensorInfo> tensors();

    /**
     * @param name from one of these names to another
     * @return the tensors by other names, in their order, in a map of its own
     * @throws MiniGptException if two have one name then
     */
    default Map<String, TensorInfo> renamed(UnaryOperator<String> name) {
        Map<String, TensorInfo> result = new LinkedHashMap<>();
        tensors().forEach((old, tensor) -> {
            if (result.put(name.apply(old), tensor) != null) {
                throw DataFile.damaged(path(), DataFile.quoted(old) + " is there under two names");
            }
        });
        return result;
    }

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
