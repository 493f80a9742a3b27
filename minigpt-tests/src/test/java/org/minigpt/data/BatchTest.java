package org.minigpt.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.minigpt.testing.Sentences.assertSentence;

import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

class BatchTest {
    private final Batch batch = new Batch(2, 3, new int[] {1, 2, 3, 4, 5, 0}, new int[] {2, 3, 4, 5, 6, -1});

    @Test
    void theArraysAreIntegersOfBatchByTime() {
        for (INDArray array : new INDArray[] {batch.xArray(), batch.yArray()}) {
            assertEquals(DataType.INT32, array.dataType());
            assertArrayEquals(new long[] {2, 3}, array.shape());
            assertEquals('c', array.ordering());
        }
        // Row 1, time 0 is entry 1 * 3 + 0.
        assertArrayEquals(new int[][] {{1, 2, 3}, {4, 5, 0}}, batch.xArray().toIntMatrix());
        assertArrayEquals(
                new int[][] {{2, 3, 4}, {5, 6, Batch.IGNORE_INDEX}},
                batch.yArray().toIntMatrix());
    }

    @Test
    void theArraysAreCopies() {
        batch.xArray().putScalar(0, 0, 99);
        assertEquals(1, batch.x()[0]);
        assertEquals(1, batch.xArray().getInt(0, 0));
    }

    @Test
    void oneTokenIsAMatrixToo() {
        Batch one = new Batch(1, 1, new int[] {7}, new int[] {8});
        assertArrayEquals(new long[] {1, 1}, one.xArray().shape());
        assertEquals(8, one.yArray().getInt(0, 0));
    }

    @Test
    void ignoredTargetsDoNotCount() {
        assertEquals(5, batch.targetCount());
        assertEquals("Batch[2 x 3, 5 targets]", batch.toString());
    }

    @Test
    void equalContentsMakeEqualBatches() {
        Batch same = new Batch(2, 3, batch.x().clone(), batch.y().clone());
        assertEquals(batch, same);
        assertEquals(batch.hashCode(), same.hashCode());
        assertNotEquals(batch, new Batch(3, 2, batch.x(), batch.y()));
        assertNotEquals(batch, new Batch(2, 3, batch.y(), batch.y()));
        assertNotEquals(batch, new Batch(2, 3, batch.x(), batch.x()));
    }

    @Test
    void theLengthsMustFit() {
        assertSentence(
                "the batch's x has 5 entries, but batch size 2 and block size 3 make 6; give [B, T] row by row",
                () -> new Batch(2, 3, new int[5], new int[6]));
        assertSentence(
                "the batch's y has 7 entries, but batch size 2 and block size 3 make 6; give [B, T] row by row",
                () -> new Batch(2, 3, new int[6], new int[7]));
    }

    @Test
    void theSizesMustBePossible() {
        assertSentence(
                "the batch size is 0 but must be at least 1; set it", () -> new Batch(0, 3, new int[0], new int[0]));
        assertSentence(
                "the block size is -3 but must be at least 1; set it", () -> new Batch(2, -3, new int[0], new int[0]));
        // 65536 * 65536 = 2^32, which is 0 as an int.
        assertSentence(
                "a batch size of 65536 with a block size of 65536 makes batches of more than 2147483639 tokens; choose a"
                        + " smaller one of the two",
                () -> new Batch(65536, 65536, new int[0], new int[0]));
    }
}
