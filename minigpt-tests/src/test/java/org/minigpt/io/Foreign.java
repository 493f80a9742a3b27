package org.minigpt.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.minigpt.testing.Deviation.assertNear;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import org.minigpt.model.Gpt;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** A GPT-2 that every program knows, with biases that are not zero. */
public final class Foreign {
    private Foreign() {}

    public static Gpt tied() {
        return filled(TinyModels.gpt(
                TinyModels.gpt2().toBuilder().tiedHead(true).normEps(1e-5).build(), DataType.FLOAT));
    }

    public static Gpt untied() {
        Gpt gpt = filled(TinyModels.gpt(TinyModels.gpt2(), DataType.FLOAT));
        gpt.parameters().get("lm_head.bias").assign(0);
        return gpt;
    }

    private static Gpt filled(Gpt gpt) {
        int i = 0;
        for (INDArray array : gpt.parameters().values()) {
            if (array.rank() == 1) {
                for (int j = 0; j < array.length(); j++) {
                    array.putScalar(j, (i++ % 23 - 11) / 7f);
                }
            }
        }
        return gpt;
    }

    public static void assertSameModel(Gpt expected, Gpt actual) {
        assertEquals(expected.config(), actual.config());
        expected.parameters()
                .forEach(
                        (name, array) -> assertEquals(array, actual.parameters().get(name), name));
        assertArrayEquals(TinyModels.logitBits(expected), TinyModels.logitBits(actual));
    }

    public static void assertSameParameters(Gpt expected, Gpt actual) {
        assertEquals(expected.parameters().keySet(), actual.parameters().keySet());
        expected.parameters()
                .forEach((name, array) ->
                        assertNear(name, array, actual.parameters().get(name), 0));
    }

    public static ByteBuffer bytes(Path file) throws IOException {
        return ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    }
}
