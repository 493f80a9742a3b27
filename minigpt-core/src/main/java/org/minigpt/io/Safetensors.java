package org.minigpt.io;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.minigpt.MiniGptException;
import org.minigpt.files.AtomicFiles;
import org.minigpt.internal.tensors.Dtype;
import org.minigpt.internal.tensors.RawValues;
import org.minigpt.internal.tensors.TensorInfo;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Named arrays in a safetensors file, the format of the Hugging Face library of that name: the length of a header
 * (u64), the header in JSON, padded with spaces to a multiple of 8 bytes, and the values, row-major; all little-endian.
 * Arrays are FLOAT (F32), DOUBLE (F64), INT (I32) or LONG (I64); every bit of a value survives.
 *
 * <pre>{@code
 * Safetensors.write(file, Map.of("x", Nd4j.linspace(DataType.FLOAT, 0, 1, 5)), Map.of("format", "pt"));
 * INDArray x = Safetensors.read(file).get("x");
 * }</pre>
 */
public final class Safetensors {
    private static final int ALIGNMENT = 8;
    private static final JsonFactory JSON = new JsonFactory();

    private Safetensors() {}

    /**
     * Writes a file; one that is already there is replaced. The values are streamed: apart from an array that is not in
     * row-major order, none is copied as a whole.
     *
     * @param file the file
     * @param arrays by name, written in the map's order, but those with values of 8 bytes before those of 4, so that
     *     all are aligned for whoever maps the file
     * @param metadata free words; {@code format=pt} tells Hugging Face's tools that the names are PyTorch's
     * @throws MiniGptException if an array is of another type or is named {@code __metadata__}, or the file cannot be
     *     written; then the file is as it was before
     */
    public static void write(Path file, Map<String, INDArray> arrays, Map<String, String> metadata) {
        List<TensorInfo> tensors = layOut(file, arrays);
        byte[] header = header(tensors, metadata);
        AtomicFiles.write(file, out -> {
            out.write(ByteBuffer.allocate(Long.BYTES)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(header.length)
                    .array());
            out.write(header);
            for (TensorInfo t : tensors) {
                RawValues.write(arrays.get(t.name()), out);
            }
        });
    }

    /**
     * Reads all arrays of a file.
     *
     * @param file the file
     * @return new arrays by name, in the order of their values in the file
     * @throws MiniGptException if the file is not there or can't be read, is truncated or damaged, or holds values of
     *     another type than F32, F64, I32 and I64
     */
    public static Map<String, INDArray> read(Path file) {
        try (SafetensorsReader reader = SafetensorsReader.open(file)) {
            Map<String, INDArray> arrays = new LinkedHashMap<>();
            reader.tensors().forEach((name, tensor) -> arrays.put(name, reader.read(tensor)));
            return arrays;
        }
    }

    /**
     * Reads the free words of a file, and none of its arrays.
     *
     * @param file the file
     * @return its metadata, maybe empty
     * @throws MiniGptException as {@link #read}
     */
    public static Map<String, String> readMetadata(Path file) {
        try (SafetensorsReader reader = SafetensorsReader.open(file)) {
            return reader.metadata();
        }
    }

    private static List<TensorInfo> layOut(Path file, Map<String, INDArray> arrays) {
        List<TensorInfo> tensors = arrays.entrySet().stream()
                .map(e -> describe(file, e.getKey(), e.getValue()))
                .sorted(Comparator.comparing(t -> -t.dtype().bytes()))
                .toList();
        long offset = 0;
        TensorInfo[] placed = new TensorInfo[tensors.size()];
        for (int i = 0; i < placed.length; i++) {
            TensorInfo t = tensors.get(i);
            placed[i] = new TensorInfo(t.name(), t.dtype(), t.shape(), offset, offset + t.end());
            offset += t.end();
        }
        return List.of(placed);
    }

    /** A tensor that begins at 0. */
    private static TensorInfo describe(Path file, String name, INDArray array) {
        if (name.equals(SafetensorsHeaderParser.METADATA)) {
            throw new MiniGptException(
                    file + " can't hold an array named \"" + name + "\", which stands for the metadata: rename it.");
        }
        Dtype dtype = Dtype.of(array.dataType())
                .orElseThrow(() -> new MiniGptException(file + " can't hold \"" + name + "\" of type "
                        + array.dataType() + ": cast it to FLOAT, DOUBLE, INT or LONG."));
        List<Long> shape = Arrays.stream(array.shape()).boxed().toList();
        return new TensorInfo(name, dtype, shape, 0, TensorInfo.bytes(dtype, shape));
    }

    private static byte[] header(List<TensorInfo> tensors, Map<String, String> metadata) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (JsonGenerator json = JSON.createGenerator(bytes)) {
            json.writeStartObject();
            if (!metadata.isEmpty()) {
                json.writeObjectFieldStart(SafetensorsHeaderParser.METADATA);
                for (Map.Entry<String, String> word : metadata.entrySet()) {
                    json.writeStringField(word.getKey(), word.getValue());
                }
                json.writeEndObject();
            }
            for (TensorInfo t : tensors) {
                json.writeObjectFieldStart(t.name());
                json.writeStringField("dtype", t.dtype().name());
                writeSizes(json, "shape", t.shapeArray());
                writeSizes(json, "data_offsets", t.begin(), t.end());
                json.writeEndObject();
            }
            json.writeEndObject();
        } catch (IOException e) {
            throw new AssertionError("memory cannot fail to be written", e);
        }
        while (bytes.size() % ALIGNMENT != 0) {
            bytes.write(' ');
        }
        return bytes.toByteArray();
    }

    private static void writeSizes(JsonGenerator json, String key, long... sizes) throws IOException {
        json.writeFieldName(key);
        json.writeArray(sizes, 0, sizes.length);
    }
}
