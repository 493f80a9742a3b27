package org.minigpt.parity;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

class ReferenceFileTest {

    /** A file of 4·4 + 2·8 + 1·4 = 36 bytes of values, put together by hand. */
    @Test
    void readsLittleEndianRowMajorValues() throws IOException {
        ReferenceFile file = file(
                """
                {"__metadata__":{"n_head":"3","eps":"1.0E-8"},
                 "ids":{"dtype":"I32","shape":[2,2],"data_offsets":[0,16]},
                 "out.a":{"dtype":"F64","shape":[2],"data_offsets":[16,32]},
                 "out.b":{"dtype":"F32","shape":[],"data_offsets":[32,36]}}""",
                values -> values.putInt(1)
                        .putInt(-1)
                        .putInt(3)
                        .putInt(4)
                        .putDouble(0.1)
                        .putDouble(-2.5)
                        .putFloat(0.1f));

        assertEquals(DataType.INT32, file.array("ids").dataType());
        assertArrayEquals(new int[][] {{1, -1}, {3, 4}}, file.array("ids").toIntMatrix());
        assertEquals(DataType.DOUBLE, file.array("out.a").dataType());
        assertArrayEquals(new double[] {0.1, -2.5}, file.array("out.a").toDoubleVector());
        assertEquals(DataType.FLOAT, file.array("out.b").dataType());
        assertEquals(0, file.array("out.b").rank());
        assertEquals(0.1f, file.scalar("out.b"));
        assertEquals(List.of("a", "b"), List.copyOf(file.under("out.").keySet()));
        assertEquals(3, file.integer("n_head"));
        assertEquals(1e-8, file.number("eps"));
        assertThrows(AssertionError.class, () -> file.array("out.c"));
        assertThrows(AssertionError.class, () -> file.text("n_layer"));
    }

    @Test
    void refusesATensorThatItsBytesDoNotFill() {
        String header = "{\"a\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[0,8]}}";

        assertThrows(AssertionError.class, () -> file(header, values -> values.putDouble(1)));
    }

    /** What a reader can work out from other tensors of the same file: the file hangs together. */
    @ParameterizedTest
    @ValueSource(strings = {"lecture", "nanogpt", "gpt2"})
    void committedFilesHangTogether(String name) {
        ReferenceFile file = ReferenceFile.load(name, DataType.DOUBLE);

        for (String ids : new String[] {"x", "y"}) {
            INDArray first = file.array("steps." + ids).get(NDArrayIndex.point(0));
            assertArrayEquals(file.array(ids).toIntMatrix(), first.toIntMatrix());
        }
        assertEquals(file.scalar("loss"), file.scalar("steps.loss"), 1e-15);
        assertEquals(file.scalar("grad_norm"), file.scalar("steps.grad_norm"));
        assertEquals(file.scalar("loss"), meanCrossEntropy(file.array("out.logits"), file.array("y")), 1e-12);
        double squares = 0;
        for (INDArray gradient : file.under("grad.").values()) {
            squares += Math.pow(gradient.norm2Number().doubleValue(), 2);
        }
        assertEquals(file.scalar("grad_norm"), Math.sqrt(squares), 1e-12);
        assertEquals(file.under("param.").keySet(), file.under("grad.").keySet());
        assertEquals(file.under("param.").keySet(), file.under("after.").keySet());
    }

    @ParameterizedTest
    @ValueSource(strings = {"lecture", "nanogpt", "gpt2"})
    void floatFilesStartFromTheRoundedParameters(String name) {
        ReferenceFile singles = ReferenceFile.load(name, DataType.FLOAT);
        Map<String, INDArray> doubles =
                ReferenceFile.load(name, DataType.DOUBLE).under("param.");

        assertEquals(doubles.keySet(), singles.under("param.").keySet());
        doubles.forEach((parameter, values) -> assertArrayEquals(
                values.ravel().toFloatVector(),
                singles.array("param." + parameter).ravel().toFloatVector()));
    }

    /** In every case the last rows of wpe lie beyond T, so nothing may reach them; GPT-2's has ignored targets. */
    @ParameterizedTest
    @ValueSource(strings = {"lecture", "nanogpt", "gpt2"})
    void casesUseThePositionsTheyShould(String name) {
        ReferenceFile file = ReferenceFile.load(name, DataType.DOUBLE);
        INDArray wpe = file.array("grad.wpe.weight");
        long t = file.array("x").size(1);

        assertEquals(file.integer("block_size"), wpe.size(0));
        for (long row = 0; row < wpe.size(0); row++) {
            double largest = wpe.getRow(row).amaxNumber().doubleValue();
            assertEquals(row < t, largest > 0, "row " + row + " of wpe");
        }
        assertEquals(name.equals("gpt2"), file.array("y").minNumber().intValue() == file.integer("ignore_index"));
    }

    private static double meanCrossEntropy(INDArray logits, INDArray targets) {
        double sum = 0;
        int counted = 0;
        for (int b = 0; b < targets.size(0); b++) {
            for (int t = 0; t < targets.size(1); t++) {
                int target = targets.getInt(b, t);
                if (target >= 0) {
                    double exponentials = 0;
                    for (int v = 0; v < logits.size(2); v++) {
                        exponentials += Math.exp(logits.getDouble(b, t, v));
                    }
                    sum += Math.log(exponentials) - logits.getDouble(b, t, target);
                    counted++;
                }
            }
        }
        return sum / counted;
    }

    private interface Values {
        ByteBuffer putInto(ByteBuffer buffer);
    }

    private static ReferenceFile file(String header, Values values) throws IOException {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        ByteBuffer buffer = ByteBuffer.allocate(1024).order(ByteOrder.LITTLE_ENDIAN);
        values.putInto(buffer.putLong(json.length).put(json));
        byte[] content = new byte[buffer.position()];
        buffer.flip().get(content);
        return new ReferenceFile(content);
    }
}
