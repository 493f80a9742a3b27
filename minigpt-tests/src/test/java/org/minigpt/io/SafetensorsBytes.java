package org.minigpt.io;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.function.Function;
import org.minigpt.internal.simd.HalfFloats;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Safetensors files put together by hand. */
final class SafetensorsBytes {
    /** Types of 16 bits. */
    enum Bits {
        F16(HalfFloats::toHalf),
        BF16(HalfFloats::toBfloat);

        private final Function<Float, Short> narrow;

        Bits(Function<Float, Short> narrow) {
            this.narrow = narrow;
        }
    }

    private SafetensorsBytes() {}

    /** @return a file of arrays in another type */
    static byte[] of(Map<String, INDArray> arrays, Bits type) {
        StringBuilder header = new StringBuilder("{");
        ByteBuffer data = ByteBuffer.allocate(1 << 16).order(ByteOrder.LITTLE_ENDIAN);
        arrays.forEach((name, array) -> {
            int begin = data.position();
            for (float value : array.dup('c').data().asFloat()) {
                data.putShort(type.narrow.apply(value));
            }
            header.append(header.length() > 1 ? "," : "")
                    .append("\"" + name + "\":{\"dtype\":\"" + type + "\",\"shape\":" + Arrays.toString(array.shape())
                            + ",\"data_offsets\":[" + begin + "," + data.position() + "]}");
        });
        byte[] json = header.append("}").toString().getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(8 + json.length + data.position())
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(json.length)
                .put(json)
                .put(data.flip())
                .array();
    }

    /** @return a file with this header, as it is, and zeros for values */
    static byte[] of(String header, int dataBytes) {
        return of(header.getBytes(StandardCharsets.UTF_8), dataBytes);
    }

    static byte[] of(byte[] header, int dataBytes) {
        return ByteBuffer.allocate(Long.BYTES + header.length + dataBytes)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(header.length)
                .put(header)
                .array();
    }
}
