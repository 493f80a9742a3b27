package org.minigpt.internal.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.minigpt.runtime.MiniGptRuntime;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** Arrays of one shape share its description; of another shape, order, stride or type they have another one. */
class ShapeInfoTest {

    @BeforeAll
    static void install() {
        MiniGptRuntime.install();
    }

    @Test
    void isMadeOnceForAShape() {
        INDArray x = Nd4j.ones(DataType.FLOAT, 6, 4);
        assertSame(
                x.reshape(3, 8).shapeInfoDataBuffer(),
                Nd4j.ones(DataType.FLOAT, 24).reshape(3, 8).shapeInfoDataBuffer());
    }

    @Test
    void tellsArraysApart() {
        INDArray x = Nd4j.arange(12).castTo(DataType.FLOAT).reshape('c', 3, 4);
        INDArray fortran = x.dup('f');
        INDArray view = Nd4j.arange(24).reshape(6, 4).get();
        for (int pass = 0; pass < 2; pass++) { // what is kept is as what was made
            assertArrayEquals(new long[] {4, 3}, x.permute(1, 0).shape());
            assertArrayEquals(new long[] {1, 4}, x.permute(1, 0).stride());
            assertArrayEquals(new long[] {4, 1}, x.reshape('c', 3, 4).stride());
            assertArrayEquals(new long[] {1, 3}, fortran.reshape('f', 3, 4).stride());
            assertEquals('f', fortran.reshape('f', 3, 4).ordering());
            assertEquals(
                    DataType.DOUBLE,
                    x.castTo(DataType.DOUBLE).reshape('c', 3, 4).dataType());
            assertEquals(DataType.FLOAT, x.reshape('c', 3, 4).dataType());
            assertArrayEquals(new long[] {6, 4}, view.shape());
            assertTrue(Nd4j.empty(DataType.FLOAT).isEmpty());
            assertEquals(0, Nd4j.scalar(1f).rank());
        }
    }

    @Test
    void isNotThatOfTheCallersArray() {
        long[] shape = {2, 6};
        INDArray x = Nd4j.arange(12).reshape(shape);
        shape[0] = 6;
        shape[1] = 2;
        assertArrayEquals(new long[] {2, 6}, x.reshape(2, 6).shape());
        assertArrayEquals(new long[] {6, 2}, x.reshape(shape).shape());
    }

    @Test
    void thereMayBeMoreThanAreKept() {
        INDArray x = Nd4j.arange(3000);
        for (int pass = 0; pass < 2; pass++) {
            for (int n = 1; n <= 1500; n++) {
                INDArray part = x.get(NDArrayIndex.interval(n, 2 * n));
                assertEquals(n, part.length());
                assertEquals(2 * n - 1, part.getInt(n - 1)); // n, n + 1 ... 2n - 1
            }
        }
    }
}
