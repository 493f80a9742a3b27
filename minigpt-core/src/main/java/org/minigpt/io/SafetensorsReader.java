package org.minigpt.io;

import java.io.DataInput;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import org.apache.commons.io.function.IOConsumer;
import org.minigpt.MiniGptException;
import org.minigpt.internal.runtime.Workspaces;
import org.minigpt.internal.tensors.DataFile;
import org.minigpt.internal.tensors.Dtype;
import org.minigpt.internal.tensors.StoredTensors;
import org.minigpt.internal.tensors.TensorInfo;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * An open safetensors file. Opening reads the header and checks it against the file's size before anything of a size
 * that it gives is allocated; tensors are read one by one, into memory that is already there if the caller has some.
 */
final class SafetensorsReader implements StoredTensors {
    /** The reference implementation's limit. */
    private static final long MAX_HEADER_BYTES = 100_000_000;

    private final Path path;
    private final DataFile file;
    private final long dataStart;
    private final SafetensorsHeader header;

    private SafetensorsReader(DataFile file) {
        this.file = file;
        this.path = file.path();
        long length = file.length();
        if (length < Long.BYTES) {
            throw new MiniGptException(path + " is truncated: it has " + length
                    + " bytes, but a safetensors file begins with 8 that give the length of its header"
                    + DataFile.remedy());
        }
        long headerBytes = ByteBuffer.wrap(file.bytes(0, Long.BYTES))
                .order(ByteOrder.LITTLE_ENDIAN)
                .getLong();
        if (Long.compareUnsigned(headerBytes, length - Long.BYTES) > 0) {
            throw new MiniGptException(path + " is truncated or no safetensors file: its header would have "
                    + Long.toUnsignedString(headerBytes) + " bytes, but " + (length - Long.BYTES) + " follow"
                    + DataFile.remedy());
        }
        if (headerBytes > MAX_HEADER_BYTES) {
            throw new MiniGptException(path + " is no safetensors file: its header would have " + headerBytes
                    + " bytes, more than the " + MAX_HEADER_BYTES + " of the largest" + DataFile.remedy());
        }
        byte[] json = file.bytes(Long.BYTES, (int) headerBytes);
        dataStart = Long.BYTES + headerBytes;
        header = SafetensorsHeaderParser.parse(path, decode(json), length - dataStart);
    }

    /** @throws MiniGptException if the file is not there, can't be read or is damaged */
    static SafetensorsReader open(Path path) {
        DataFile file = DataFile.open(path, "safetensors");
        try {
            return new SafetensorsReader(file);
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    private String decode(byte[] json) {
        CharsetDecoder strict = StandardCharsets.UTF_8.newDecoder();
        try {
            return strict.decode(ByteBuffer.wrap(json)).toString();
        } catch (CharacterCodingException e) {
            throw new MiniGptException(path + " is damaged: its header is not UTF-8 text" + DataFile.remedy(), e);
        }
    }

    @Override
    public Path path() {
        return path;
    }

    Map<String, String> metadata() {
        return header.metadata();
    }

    /** @return the tensors by name, in the order of their values in the file */
    @Override
    public Map<String, TensorInfo> tensors() {
        return header.tensors();
    }

    /**
     * Reads a tensor into a new array.
     *
     * @throws MiniGptException if its type is not {@linkplain Dtype#nd4j readable}
     */
    INDArray read(TensorInfo tensor) {
        DataType type = tensor.dtype()
                .nd4j()
                .orElseThrow(() -> new MiniGptException(path + " has " + DataFile.quoted(tensor.name()) + " in "
                        + tensor.dtype() + ", but MiniGPT reads " + Dtype.READABLE + ": convert it."));
        INDArray array = Workspaces.outside(() -> Nd4j.createUninitialized(type, tensor.shapeArray()));
        read(tensor, array);
        return array;
    }

    @Override
    public void at(TensorInfo tensor, long from, IOConsumer<DataInput> reader) {
        file.at(dataStart + tensor.begin() + from, reader);
    }

    @Override
    public void close() {
        file.close();
    }
}
