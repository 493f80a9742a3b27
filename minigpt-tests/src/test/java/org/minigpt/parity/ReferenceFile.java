package org.minigpt.parity;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.LinkedHashMap;
import java.util.Map;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * One of libtorch's reference files; {@code reference-generator/README.md} says what is in them. Reads the safetensors
 * format by itself: a mistake in the library's reader must not hide one in its model.
 */
final class ReferenceFile {
    private final Map<String, String> metadata = new LinkedHashMap<>();
    private final Map<String, INDArray> arrays = new LinkedHashMap<>();

    /** @param content u64 length of the header, the header as JSON, the values; all little-endian */
    ReferenceFile(byte[] content) throws IOException {
        ByteBuffer buffer = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
        byte[] json = new byte[Math.toIntExact(buffer.getLong())];
        buffer.get(json);
        ByteBuffer values = buffer.slice().order(ByteOrder.LITTLE_ENDIAN);
        for (Map.Entry<String, JsonNode> entry :
                new ObjectMapper().readTree(json).properties()) {
            if (entry.getKey().equals("__metadata__")) {
                entry.getValue()
                        .properties()
                        .forEach(e -> metadata.put(e.getKey(), e.getValue().textValue()));
            } else {
                arrays.put(entry.getKey(), array(entry.getKey(), entry.getValue(), values));
            }
        }
    }

    /**
     * @param name of the case, as "lecture"
     * @param dataType FLOAT or DOUBLE
     */
    static ReferenceFile load(String name, DataType dataType) {
        String resource = "/reference/" + name + (dataType == DataType.DOUBLE ? ".f64" : ".f32") + ".safetensors";
        try (InputStream in = ReferenceFile.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw new AssertionError("no test resource " + resource);
            }
            return new ReferenceFile(in.readAllBytes());
        } catch (IOException e) {
            throw new UncheckedIOException(resource, e);
        }
    }

    /** A copy, FLOAT, DOUBLE or INT32 as in the file. */
    INDArray array(String name) {
        INDArray array = arrays.get(name);
        if (array == null) {
            throw new AssertionError("the reference file has no tensor " + name + " but " + arrays.keySet());
        }
        return array.dup('c');
    }

    double scalar(String name) {
        return array(name).getDouble(0);
    }

    /** All tensors whose names start so, without that prefix, in the file's order. */
    Map<String, INDArray> under(String prefix) {
        Map<String, INDArray> found = new LinkedHashMap<>();
        for (String name : arrays.keySet()) {
            if (name.startsWith(prefix)) {
                found.put(name.substring(prefix.length()), array(name));
            }
        }
        return found;
    }

    String text(String key) {
        String value = metadata.get(key);
        if (value == null) {
            throw new AssertionError("the reference file's metadata has no " + key + " but " + metadata.keySet());
        }
        return value;
    }

    int integer(String key) {
        return Integer.parseInt(text(key));
    }

    double number(String key) {
        return Double.parseDouble(text(key));
    }

    private static INDArray array(String name, JsonNode entry, ByteBuffer values) {
        long[] shape = new long[entry.get("shape").size()];
        int length = 1;
        for (int i = 0; i < shape.length; i++) {
            shape[i] = entry.get("shape").get(i).longValue();
            length *= (int) shape[i];
        }
        int begin = entry.get("data_offsets").get(0).intValue();
        int end = entry.get("data_offsets").get(1).intValue();
        ByteBuffer slice = values.slice(begin, end - begin).order(ByteOrder.LITTLE_ENDIAN);
        String dataType = entry.get("dtype").textValue();
        int width = dataType.equals("F64") ? Double.BYTES : Float.BYTES; // I32 is as wide as F32
        if (slice.remaining() != length * width) {
            throw new AssertionError(name + " has " + slice.remaining() + " bytes for " + length + " values");
        }
        INDArray flat = Nd4j.create(nd4jType(dataType), length);
        for (int i = 0; i < length; i++) {
            switch (dataType) {
                case "F64" -> flat.putScalar(i, slice.getDouble());
                case "F32" -> flat.putScalar(i, slice.getFloat());
                default -> flat.putScalar(i, slice.getInt());
            }
        }
        return shape.length == 0 ? flat.reshape() : flat.reshape('c', shape);
    }

    private static DataType nd4jType(String dataType) {
        return switch (dataType) {
            case "F64" -> DataType.DOUBLE;
            case "F32" -> DataType.FLOAT;
            case "I32" -> DataType.INT32;
            default -> throw new AssertionError("the generator writes no " + dataType);
        };
    }
}
