package org.minigpt.io;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.AccessMode;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import org.minigpt.io.SafetensorsHeader.TensorInfo;
import org.minigpt.util.MiniGptException;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * An open safetensors file. Opening reads the header and checks it against the file's size before anything of a size
 * that it gives is allocated; tensors are read one by one, into memory that is already there if the caller has some.
 */
final class SafetensorsReader implements Closeable {
    /** The reference implementation's limit. */
    private static final long MAX_HEADER_BYTES = 100_000_000;

    private final Path path;
    // Not a channel: that is closed under its reader when the thread is interrupted.
    private final RandomAccessFile file;
    private final long dataStart;
    private final SafetensorsHeader header;

    private SafetensorsReader(Path path, RandomAccessFile file) throws IOException {
        this.path = path;
        this.file = file;
        long length = file.length();
        if (length < Long.BYTES) {
            throw new MiniGptException(path + " is truncated: it has " + length
                    + " bytes, but a safetensors file begins with 8 that give the length of its header"
                    + SafetensorsHeader.remedy());
        }
        long headerBytes = Long.reverseBytes(file.readLong());
        if (Long.compareUnsigned(headerBytes, length - Long.BYTES) > 0) {
            throw new MiniGptException(path + " is truncated or no safetensors file: its header would have "
                    + Long.toUnsignedString(headerBytes) + " bytes, but " + (length - Long.BYTES) + " follow"
                    + SafetensorsHeader.remedy());
        }
        if (headerBytes > MAX_HEADER_BYTES) {
            throw new MiniGptException(path + " is no safetensors file: its header would have " + headerBytes
                    + " bytes, more than the " + MAX_HEADER_BYTES + " of the largest" + SafetensorsHeader.remedy());
        }
        byte[] json = new byte[(int) headerBytes];
        file.readFully(json);
        dataStart = Long.BYTES + headerBytes;
        header = SafetensorsHeaderParser.parse(path, decode(json), length - dataStart);
    }

    /** @throws MiniGptException if the file is not there, can't be read or is damaged */
    static SafetensorsReader open(Path path) {
        if (Files.isDirectory(path)) {
            throw new MiniGptException(path + " is a directory: give a safetensors file.");
        }
        try {
            // RandomAccessFile throws the same for whatever is wrong.
            path.getFileSystem().provider().checkAccess(path, AccessMode.READ);
            RandomAccessFile file = new RandomAccessFile(path.toFile(), "r");
            try {
                return new SafetensorsReader(path, file);
            } catch (IOException | RuntimeException e) {
                file.close();
                throw e;
            }
        } catch (NoSuchFileException e) {
            throw new MiniGptException("There is no file " + path + ": check the path.", e);
        } catch (AccessDeniedException e) {
            throw new MiniGptException(path + " cannot be read: check its permissions.", e);
        } catch (IOException e) {
            throw unreadable(path, e);
        }
    }

    private String decode(byte[] json) {
        CharsetDecoder strict = StandardCharsets.UTF_8.newDecoder();
        try {
            return strict.decode(ByteBuffer.wrap(json)).toString();
        } catch (CharacterCodingException e) {
            throw new MiniGptException(
                    path + " is damaged: its header is not UTF-8 text" + SafetensorsHeader.remedy(), e);
        }
    }

    Path path() {
        return path;
    }

    Map<String, String> metadata() {
        return header.metadata();
    }

    /** @return the tensors by name, in the order of their values in the file */
    Map<String, TensorInfo> tensors() {
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
                .orElseThrow(() -> new MiniGptException(path + " has " + SafetensorsHeader.quoted(tensor.name())
                        + " in " + tensor.dtype() + ", but MiniGPT reads " + Dtype.READABLE + ": convert it."));
        INDArray array = Nd4j.createUninitialized(type, tensor.shapeArray());
        read(tensor, array);
        return array;
    }

    /** Reads a tensor into an array of its type and size. */
    void read(TensorInfo tensor, INDArray target) {
        if (target.length() * target.dataType().width() != tensor.end() - tensor.begin()) {
            throw new IllegalArgumentException(
                    tensor + " does not fill an array of " + target.length() + " " + target.dataType());
        }
        try {
            file.seek(dataStart + tensor.begin());
            RawValues.read(file, target);
        } catch (IOException e) {
            throw unreadable(path, e);
        }
    }

    private static MiniGptException unreadable(Path path, IOException e) {
        // It may become shorter while it is read.
        String reason = e instanceof EOFException ? "it ended too early" : e.toString();
        return new MiniGptException(path + " cannot be read (" + reason + "): check the file.", e);
    }

    @Override
    public void close() {
        try {
            file.close();
        } catch (IOException e) {
            throw unreadable(path, e);
        }
    }
}
