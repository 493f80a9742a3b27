package org.minigpt.internal.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.minigpt.MiniGptException;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** The one place that copies native memory: right where lengths fit, a sentence where they do not. */
class NativeMemoryTest {

    private static INDArray range(DataType type, long... shape) {
        long length = 1;
        for (long size : shape) {
            length *= size;
        }
        return Nd4j.arange(length).castTo(type).reshape(shape);
    }

    @Test
    void copiesWhateverTheOrderAndTheType() {
        INDArray rows = range(DataType.FLOAT, 3, 4);
        INDArray part = range(DataType.DOUBLE, 4, 8).get(NDArrayIndex.interval(1, 4), NDArrayIndex.interval(2, 6));

        NativeMemory.copy(part, rows);

        assertArrayEquals(
                new float[] {10, 11, 12, 13, 18, 19, 20, 21, 26, 27, 28, 29},
                rows.dup('c').data().asFloat());

        INDArray columns = Nd4j.create(DataType.FLOAT, new long[] {3, 4}, 'f');
        NativeMemory.copy(rows, columns);
        assertEquals(rows, columns);
    }

    @Test
    void copiesPartsBetweenViews() {
        INDArray all = range(DataType.INT32, 6);
        INDArray target = Nd4j.zeros(DataType.INT32, 6);

        NativeMemory.of(all.get(NDArrayIndex.interval(2, 6)))
                .copyTo(1, NativeMemory.of(target.get(NDArrayIndex.interval(3, 6))), 0, 3);

        assertArrayEquals(new int[] {0, 0, 0, 3, 4, 5}, target.toIntVector());
    }

    static List<Executable> copiesThatGoTooFar() {
        INDArray floats = range(DataType.FLOAT, 2, 3);
        INDArray doubles = range(DataType.DOUBLE, 2, 3);
        INDArray ints = range(DataType.INT32, 6);
        INDArray longs = range(DataType.INT64, 6);
        NativeMemory memory = NativeMemory.of(floats);
        Floats six = Floats.of(floats);
        return List.of(
                () -> NativeMemory.copy(range(DataType.FLOAT, 200, 3), floats),
                () -> NativeMemory.copy(floats, range(DataType.FLOAT, 200, 3)),
                () -> NativeMemory.copy(range(DataType.DOUBLE, 200, 3), floats),
                () -> NativeMemory.copy(floats, range(DataType.FLOAT, 3, 2)),
                () -> memory.copyTo(0, NativeMemory.of(range(DataType.FLOAT, 5)), 0, 6),
                () -> memory.copyTo(1, NativeMemory.of(range(DataType.FLOAT, 9)), 0, 6),
                () -> memory.copyTo(-1, NativeMemory.of(range(DataType.FLOAT, 9)), 0, 2),
                () -> memory.copyTo(0, NativeMemory.of(range(DataType.FLOAT, 9)), Long.MAX_VALUE, 2),
                () -> memory.copyTo(0, NativeMemory.of(doubles), 0, 6),
                () -> memory.read(0, new float[7], 0, 7),
                () -> NativeMemory.of(doubles).read(3, new double[7], 0, 4),
                () -> NativeMemory.of(ints).read(0, new int[7], 0, 7),
                () -> NativeMemory.of(longs).read(0, new long[7], 0, 7),
                () -> memory.read(0, new double[6], 0, 6),
                () -> memory.write(0, new float[7]),
                () -> memory.write(6, 1f),
                () -> NativeMemory.of(doubles).write(-1, 1.0),
                () -> NativeMemory.of(ints).write(4, 1, 2, 3),
                () -> NativeMemory.bytes(floats, 20, 8),
                () -> NativeMemory.of(floats.transpose()),
                () -> Floats.of(floats.transpose()),
                () -> Floats.of(doubles),
                () -> Blas.nn(
                        2,
                        3,
                        3,
                        1f,
                        six.at(0),
                        3,
                        six.alias().at(0),
                        3,
                        0f,
                        six.alias().at(0),
                        3),
                () -> Blas.nt(
                        2,
                        2,
                        3,
                        1f,
                        six.at(0),
                        3,
                        six.alias().at(1),
                        3,
                        0f,
                        six.alias().at(0),
                        2),
                () -> Blas.tn(
                        3,
                        3,
                        2,
                        1f,
                        six.at(0),
                        3,
                        six.alias().at(0),
                        3,
                        0f,
                        six.alias().at(0),
                        3),
                () -> Gemv.n(
                        2,
                        3,
                        1f,
                        six.at(3),
                        3,
                        six.alias().at(0),
                        0f,
                        six.alias().at(0)),
                () -> Gemv.t(
                        2,
                        3,
                        1f,
                        six.at(0),
                        3,
                        six.alias().at(5),
                        0f,
                        six.alias().at(0)),
                () -> Gemv.copy(4, six.at(3), six.alias().at(0)),
                () -> Gemv.add(4, six.at(0), six.alias().at(3)));
    }

    @ParameterizedTest
    @MethodSource("copiesThatGoTooFar")
    void refusesInASentence(Executable copy) {
        String message = assertThrows(MiniGptException.class, copy).getMessage();

        assertTrue(message.length() > 20, message);
    }

    @Test
    void refusesWhatHasBeenClosed() {
        INDArray array = Nd4j.zeros(DataType.FLOAT, 6);
        INDArray view = array.get(NDArrayIndex.interval(2, 4));
        NativeMemory memory = NativeMemory.of(view);
        array.close();

        for (Executable use : List.<Executable>of(
                () -> NativeMemory.of(view),
                () -> memory.read(0, new float[2], 0, 2),
                () -> NativeMemory.copy(view, Nd4j.zeros(DataType.FLOAT, 2)),
                () -> NativeMemory.copy(Nd4j.zeros(DataType.FLOAT, 2), view))) {
            String message = assertThrows(MiniGptException.class, use).getMessage();
            assertTrue(message.contains("given back by close()"), message);
        }
    }
}
