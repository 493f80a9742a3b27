package org.minigpt.internal.tensors;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.minigpt.MiniGptException;
import org.minigpt.testing.Layouts;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** The values of files in another type or transposed: the same for arrays of any layout. */
class FloatValuesTest {
    private static final INDArray ARRAY = Nd4j.arange(12).castTo(DataType.FLOAT).reshape(3, 4);

    private interface Writer {
        void write(INDArray array, Dtype type, ByteArrayOutputStream out) throws IOException;
    }

    private static byte[] bytes(Writer writer, INDArray array, Dtype type) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        writer.write(array, type, out);
        return out.toByteArray();
    }

    @Test
    void anyLayoutIsWrittenInRowOrder() throws IOException {
        for (Dtype type : new Dtype[] {Dtype.F32, Dtype.F16, Dtype.BF16}) {
            for (Writer writer : new Writer[] {FloatValues::write, FloatValues::writeTransposed}) {
                byte[] expected = bytes(writer, ARRAY, type);
                for (Map.Entry<String, INDArray> other : Layouts.of(ARRAY).entrySet()) {
                    assertArrayEquals(expected, bytes(writer, other.getValue(), type), other.getKey());
                }
            }
        }
        assertArrayEquals(
                bytes(FloatValues::write, ARRAY.transpose(), Dtype.F32),
                bytes(FloatValues::writeTransposed, ARRAY, Dtype.F32));
    }

    /** What went to a copy of it would be lost. */
    @Test
    void onlyWhatLiesInRowOrderIsRead() throws IOException {
        byte[] bytes = bytes(FloatValues::write, ARRAY, Dtype.F32);
        INDArray target = Nd4j.zeros(DataType.FLOAT, 3, 4);

        FloatValues.read(new DataInputStream(new ByteArrayInputStream(bytes)), Dtype.F32, target);

        assertEquals(ARRAY, target);
        assertThrows(
                MiniGptException.class,
                () -> FloatValues.read(
                        new DataInputStream(new ByteArrayInputStream(bytes)), Dtype.F32, target.dup('f')));
    }
}
