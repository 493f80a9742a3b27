package org.minigpt.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.AsyncMultiDataSetIterator;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import org.nd4j.linalg.dataset.api.MultiDataSetPreProcessor;
import org.nd4j.linalg.dataset.api.iterator.MultiDataSetIterator;

class TokenMultiDataSetIteratorTest {
    private final RandomWindows windows = new RandomWindows(Ids.random(new Random(9), 200, 65), 3, 5, 1337);
    private final TokenMultiDataSetIterator iterator = new TokenMultiDataSetIterator(windows, 4);

    @Test
    void anEpochIsTheFirstBatches() {
        assertEquals(batches(0, 4), all(iterator));
        assertFalse(iterator.hasNext());
    }

    @Test
    void aBatchIsOneArrayOfTokensAndOneOfTargets() {
        MultiDataSet dataSet = iterator.next();
        assertEquals(1, dataSet.numFeatureArrays());
        assertEquals(1, dataSet.numLabelsArrays());
        assertEquals(DataType.INT32, dataSet.getFeatures(0).dataType());
        assertEquals(DataType.INT32, dataSet.getLabels(0).dataType());
        assertArrayEquals(new long[] {3, 5}, dataSet.getFeatures(0).shape());
        assertArrayEquals(new long[] {3, 5}, dataSet.getLabels(0).shape());
        assertFalse(dataSet.hasMaskArrays());
    }

    @Test
    void resetGoesBackToTheFirstBatch() {
        assertTrue(iterator.resetSupported());
        List<Batch> epoch = all(iterator);
        iterator.reset();
        assertEquals(epoch, all(iterator));
        iterator.reset();
        iterator.next();
        iterator.reset();
        assertEquals(epoch, all(iterator));
    }

    @Test
    void anEpochMayStartAtAnyBatch() {
        TokenMultiDataSetIterator later = new TokenMultiDataSetIterator(windows, 10_000_000_000L, 3);
        assertEquals(batches(10_000_000_000L, 3), all(later));
        later.reset();
        assertEquals(batches(10_000_000_000L, 3), all(later));
    }

    @Test
    void nextWithANumberIsABatchOfThatManyWindows() {
        Batch first = windows.batch(0);
        assertEquals(
                new Batch(2, 5, Arrays.copyOf(first.x(), 10), Arrays.copyOf(first.y(), 10)), batch(iterator.next(2)));

        Batch larger = batch(iterator.next(7));
        Batch second = windows.batch(1);
        assertEquals(7, larger.batchSize());
        assertArrayEquals(second.x(), Arrays.copyOf(larger.x(), 15));
        assertArrayEquals(second.y(), Arrays.copyOf(larger.y(), 15));

        // Each counted as one batch of the epoch.
        assertEquals(batches(2, 2), all(iterator));
    }

    @Test
    void thePreprocessorSeesEveryBatch() {
        assertNull(iterator.getPreProcessor());
        MultiDataSetPreProcessor addOne = dataSet -> dataSet.getFeatures(0).addi(1);
        iterator.setPreProcessor(addOne);
        assertSame(addOne, iterator.getPreProcessor());

        List<Batch> expected = new ArrayList<>();
        for (Batch batch : batches(0, 4)) {
            int[] x = IntStream.of(batch.x()).map(id -> id + 1).toArray();
            expected.add(new Batch(3, 5, x, batch.y()));
        }
        assertEquals(expected, all(iterator));

        iterator.reset();
        iterator.setPreProcessor(null);
        assertEquals(batches(0, 4), all(iterator));
    }

    @Test
    void mayBePrefetchedByAnotherThread() {
        assertTrue(iterator.asyncSupported());
        AsyncMultiDataSetIterator async = new AsyncMultiDataSetIterator(iterator, 2);
        try {
            assertEquals(batches(0, 4), all(async));
            async.reset();
            assertEquals(batches(0, 4), all(async));
        } finally {
            async.shutdown();
        }
    }

    @Test
    void serializesWithItsPosition() throws IOException, ClassNotFoundException {
        iterator.setPreProcessor(dataSet -> {});
        iterator.next();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(iterator);
        }
        try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
            TokenMultiDataSetIterator copy = (TokenMultiDataSetIterator) in.readObject();
            assertNull(copy.getPreProcessor());
            assertEquals(batches(1, 3), all(copy));
        }
    }

    @Test
    void afterTheEpochThereIsNoBatch() {
        all(iterator);
        String message =
                assertThrows(NoSuchElementException.class, iterator::next).getMessage();
        assertEquals("the epoch of 4 batches is over; call reset() to go through it again", message);
    }

    @Test
    void theNumbersMustBePossible() {
        assertSentence(
                "the number of batches of an epoch is 0 but must be at least 1; set it",
                () -> new TokenMultiDataSetIterator(windows, 0));
        assertSentence("the batch size is 0 but must be at least 1; set it", () -> iterator.next(0));
        // An impossible number does not use up a batch.
        assertEquals(batches(0, 4), all(iterator));
    }

    private List<Batch> batches(long first, int count) {
        List<Batch> batches = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            batches.add(windows.batch(first + i));
        }
        return batches;
    }

    private static List<Batch> all(MultiDataSetIterator iterator) {
        List<Batch> batches = new ArrayList<>();
        while (iterator.hasNext()) {
            batches.add(batch(iterator.next()));
        }
        return batches;
    }

    private static Batch batch(MultiDataSet dataSet) {
        return new Batch(
                (int) dataSet.getFeatures(0).size(0),
                (int) dataSet.getFeatures(0).size(1),
                dataSet.getFeatures(0).data().asInt(),
                dataSet.getLabels(0).data().asInt());
    }
}
