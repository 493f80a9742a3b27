package org.minigpt.internal.tensors;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.minigpt.MiniGptException;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.internal.runtime.Workspaces;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * The tensors of a file under GPT-2's names and in its layout: each is one of the file's, or as many side by side along the
 * outputs, as queries, keys and values are, or SwiGLU's two matrices.
 */
public final class JoinedTensors implements TensorFile {
    private final StoredTensors file;
    private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();
    private final Map<String, List<TensorInfo>> parts = new LinkedHashMap<>();
    private final Map<String, Integer> pairs = new HashMap<>(); // D by part

    /** None at first; closing this closes the file. */
    public JoinedTensors(StoredTensors file) {
        this.file = file;
    }

    /** @return the tensors of a file whose linear weights are [out,in], as nanoGPT and minGPT save them */
    public static JoinedTensors ofOutIn(StoredTensors file) {
        JoinedTensors result = new JoinedTensors(file);
        file.tensors().forEach((name, tensor) -> {
            boolean linear = Gpt2.linear(Gpt2.plainName(name));
            result.add(name, List.of(linear ? tensor.transposed() : tensor));
        });
        return result;
    }

    /**
     * Adds a tensor.
     *
     * @param of what it is put together of: matrices [in,out], {@linkplain TensorInfo#transposed turned} where the file has
     *     them [out,in], or vectors
     * @throws MiniGptException if they differ in type or do not fit together
     */
    public void add(String name, List<TensorInfo> of) {
        TensorInfo first = of.get(0);
        List<Long> shape = new ArrayList<>(first.shape());
        for (TensorInfo part : of.subList(1, of.size())) {
            if (part.dtype() != first.dtype()) {
                throw new MiniGptException(path() + " has the tensor " + DataFile.quoted(part.name())
                        + " in " + part.dtype() + ", but " + DataFile.quoted(first.name()) + " in "
                        + first.dtype() + ": convert one of them.");
            }
            int last = part.shape().size() - 1;
            if (last < 0 || last > 1 || !part.shape().subList(0, last).equals(shape.subList(0, shape.size() - 1))) {
                throw DataFile.damaged(
                        path(),
                        "the shapes of " + DataFile.quoted(first.name()) + " and " + DataFile.quoted(part.name())
                                + " do not fit together");
            }
            shape.set(last, shape.get(last) + part.shape().get(last));
        }
        if (tensors.put(name, new TensorInfo(name, first.dtype(), List.copyOf(shape), 0, 0, first.turned())) != null) {
            throw DataFile.damaged(path(), DataFile.quoted(name) + " is there under two names");
        }
        parts.put(name, List.copyOf(of));
    }

    /**
     * Has a tensor of the file, which is one of several parts, read in another order.
     *
     * @param part of outputs that lie there as 2j and 2j+1 of each head, and here as j and j + D/2
     * @param d D
     */
    void ofPairs(String part, int d) {
        pairs.put(part, d);
    }

    @Override
    public Path path() {
        return file.path();
    }

    @Override
    public Map<String, TensorInfo> tensors() {
        return tensors;
    }

    @Override
    public void read(TensorInfo tensor, INDArray target) {
        List<TensorInfo> of = parts.get(tensor.name());
        if (of.size() == 1) {
            file.read(of.get(0), target);
            return;
        }
        long from = 0;
        for (TensorInfo part : of) {
            INDArray values = Workspaces.outside(() -> Nd4j.createUninitialized(target.dataType(), part.shapeArray()));
            file.read(part, values);
            var columns = NDArrayIndex.interval(from, from + values.size(-1));
            Integer d = pairs.get(part.name());
            NativeMemory.copy(
                    d == null ? values : TensorLayout.reordered(values, d, false),
                    target.rank() == 1 ? target.get(columns) : target.get(NDArrayIndex.all(), columns));
            from += values.size(-1);
        }
    }

    /** Matrices [out,in] side by side along the outputs are one after the other. */
    @Override
    public boolean bytes(TensorInfo tensor, Consumer<byte[]> of) {
        List<TensorInfo> all = parts.get(tensor.name());
        if (all.size() > 1 && !all.stream().allMatch(TensorInfo::turned)) {
            return false;
        }
        for (TensorInfo part : all) {
            if (pairs.containsKey(part.name())) {
                reordered(part, pairs.get(part.name()), of);
            } else if (!file.bytes(part, of)) {
                return false;
            }
        }
        return true;
    }

    /** Rows of a head in another order are the same blocks. */
    private void reordered(TensorInfo part, int d, Consumer<byte[]> of) {
        long rows = part.shape().get(1); // of the file's [out,in]
        int bytes = (int) ((part.end() - part.begin()) / rows);
        byte[] head = new byte[d * bytes];
        for (long row = 0; row < rows; row += d) {
            file.at(part, row * bytes, in -> in.readFully(head));
            byte[] halves = new byte[head.length];
            for (int i = 0; i < d; i++) {
                System.arraycopy(head, i * bytes, halves, (i / 2 + i % 2 * (d / 2)) * bytes, bytes);
            }
            of.accept(halves);
        }
    }

    @Override
    public boolean same(TensorInfo a, TensorInfo b) {
        List<TensorInfo> first = parts.get(a.name());
        List<TensorInfo> second = parts.get(b.name());
        boolean same = first.size() == second.size();
        for (int i = 0; same && i < first.size(); i++) {
            same = file.same(first.get(i), second.get(i));
        }
        return same;
    }

    @Override
    public void close() {
        file.close();
    }
}
