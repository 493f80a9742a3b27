package org.minigpt.gguf;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** The parts of a GGUF header, little-endian. */
final class GgufOutput {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    ByteArrayOutputStream bytes() {
        return bytes;
    }

    GgufOutput u32(int value) {
        for (int shift = 0; shift < 32; shift += 8) {
            bytes.write(value >>> shift);
        }
        return this;
    }

    GgufOutput u64(long value) {
        return u32((int) value).u32((int) (value >>> 32));
    }

    GgufOutput string(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        u64(utf8.length);
        bytes.writeBytes(utf8);
        return this;
    }

    /** @param value a String, Integer (as u32), Float, Boolean, list of strings, or array of ints or floats */
    void entry(String key, Object value) {
        string(key);
        if (value instanceof String text) {
            u32(GgufHeader.TYPE_STRING).string(text);
        } else if (value instanceof Integer number) {
            u32(GgufHeader.TYPE_U32).u32(number);
        } else if (value instanceof Float number) {
            u32(GgufHeader.TYPE_F32).u32(Float.floatToRawIntBits(number));
        } else if (value instanceof Boolean flag) {
            u32(GgufHeader.TYPE_BOOL);
            bytes.write(flag ? 1 : 0);
        } else if (value instanceof List<?> list) {
            u32(GgufHeader.TYPE_ARRAY).u32(GgufHeader.TYPE_STRING).u64(list.size());
            list.forEach(text -> string((String) text));
        } else if (value instanceof float[] numbers) {
            u32(GgufHeader.TYPE_ARRAY).u32(GgufHeader.TYPE_F32).u64(numbers.length);
            for (float number : numbers) {
                u32(Float.floatToRawIntBits(number));
            }
        } else {
            int[] numbers = (int[]) value;
            u32(GgufHeader.TYPE_ARRAY).u32(GgufHeader.TYPE_I32).u64(numbers.length);
            for (int number : numbers) {
                u32(number);
            }
        }
    }
}
