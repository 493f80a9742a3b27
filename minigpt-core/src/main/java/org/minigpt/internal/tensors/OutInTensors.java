package org.minigpt.internal.tensors;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.minigpt.MiniGptException;
import org.nd4j.linalg.api.ndarray.INDArray;

/** A file whose linear weights are [out,in], as nanoGPT and minGPT save them, in the layout of GPT-2. */
public final class OutInTensors implements TensorFile {
    private static final Pattern LINEAR = Pattern.compile(
            "(transformer\\.)?h\\.\\d+\\.(attn\\.c_attn|attn\\.c_proj|mlp\\.c_fc|mlp\\.c_proj)\\.weight");

    private final TensorFile file;
    private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();

    public OutInTensors(TensorFile file) {
        this.file = file;
        file.tensors().forEach((name, t) -> tensors.put(name, linear(t) ? turned(t) : t));
    }

    private static boolean linear(TensorInfo tensor) {
        return LINEAR.matcher(tensor.name()).matches() && tensor.shape().size() == 2;
    }

    private static TensorInfo turned(TensorInfo t) {
        List<Long> shape = List.of(t.shape().get(1), t.shape().get(0));
        return new TensorInfo(t.name(), t.dtype(), shape, t.begin(), t.end());
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
        if (!linear(tensor)) {
            file.read(tensor, target);
        } else if (tensor.dtype() == Dtype.F64) {
            throw new MiniGptException(
                    file.path() + " has the linear weights [out,in] in F64, but MiniGPT turns those in"
                            + " F32, F16 and BF16: convert it.");
        } else {
            file.readTransposed(tensor, target);
        }
    }

    @Override
    public void readTransposed(TensorInfo tensor, INDArray target) {
        throw new UnsupportedOperationException();
    }

    @Override
    public byte[] bytes(TensorInfo tensor, long from, int count) {
        return file.bytes(tensor, from, count);
    }

    @Override
    public void close() {
        file.close();
    }
}
