package org.minigpt.gguf;

import java.io.DataInput;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.commons.io.function.IOConsumer;
import org.minigpt.internal.tensors.DataFile;
import org.minigpt.internal.tensors.StoredTensors;
import org.minigpt.internal.tensors.TensorInfo;

/** The tensors of an open GGUF file under its own names and in its layout. */
final class GgufTensors implements StoredTensors {
    private final DataFile file;
    private final GgufHeader header;
    private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();

    /** @param added rows at the end of the matrices of tokens that are passed over */
    GgufTensors(DataFile file, GgufHeader header, int added) {
        this.file = file;
        this.header = header;
        header.tensors().forEach((name, t) -> {
            List<Long> shape = t.shape();
            if (GgufFile.ofTokens(name) && shape.size() == 2 && shape.get(0) > added) {
                shape = List.of(shape.get(0) - added, shape.get(1));
            }
            long end = t.begin() + TensorInfo.bytes(t.dtype(), shape);
            tensors.put(name, new TensorInfo(name, t.dtype(), shape, t.begin(), end));
        });
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
    public void at(TensorInfo tensor, long from, IOConsumer<DataInput> reader) {
        file.at(header.dataStart() + tensor.begin() + from, reader);
    }

    @Override
    public void close() {
        file.close();
    }
}
