package org.minigpt.reference;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A safetensors file: the length of the header (u64), the header as JSON, the values one after another, all
 * little-endian. Names and metadata are plain words of this program, so JSON needs no escapes here.
 */
final class SafetensorsWriter {
    private record Entry(String dataType, long[] shape, byte[] bytes) {}

    private final boolean asFloat;
    private final Map<String, Entry> entries = new LinkedHashMap<>();

    /** @param asFloat whether real numbers are stored as F32, else as F64 */
    SafetensorsWriter(boolean asFloat) {
        this.asFloat = asFloat;
    }

    void put(String name, double[] values, long... shape) {
        ByteBuffer buffer = buffer(values.length * (asFloat ? Float.BYTES : Double.BYTES));
        for (double v : values) {
            if (asFloat) {
                buffer.putFloat((float) v);
            } else {
                buffer.putDouble(v);
            }
        }
        put(name, new Entry(asFloat ? "F32" : "F64", shape, buffer.array()), values.length);
    }

    void put(String name, int[] values, long... shape) {
        ByteBuffer buffer = buffer(values.length * Integer.BYTES);
        for (int v : values) {
            buffer.putInt(v);
        }
        put(name, new Entry("I32", shape, buffer.array()), values.length);
    }

    private void put(String name, Entry entry, int length) {
        if (Shapes.size(entry.shape()) != length || entries.put(name, entry) != null) {
            throw new IllegalArgumentException(name + " comes twice or does not fill its shape");
        }
    }

    void write(Path file, Map<String, String> metadata) throws IOException {
        StringBuilder header = new StringBuilder("{\"__metadata__\":{");
        header.append(metadata.entrySet().stream()
                .map(e -> "\"%s\":\"%s\"".formatted(e.getKey(), e.getValue()))
                .collect(Collectors.joining(",")));
        header.append('}');
        long offset = 0;
        for (Map.Entry<String, Entry> e : entries.entrySet()) {
            Entry t = e.getValue();
            String shape = Arrays.toString(t.shape()).replace(" ", "");
            header.append(",\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
                    .formatted(e.getKey(), t.dataType(), shape, offset, offset + t.bytes().length));
            offset += t.bytes().length;
        }
        header.append('}');
        // Padded so that the values are aligned for whoever maps the file.
        header.append(" ".repeat((8 - header.length() % 8) % 8));
        byte[] json = header.toString().getBytes(StandardCharsets.US_ASCII);
        ByteBuffer content = buffer(Math.toIntExact(Long.BYTES + json.length + offset));
        content.putLong(json.length).put(json);
        entries.values().forEach(t -> content.put(t.bytes()));
        Files.write(file, content.array());
    }

    private static ByteBuffer buffer(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
}
