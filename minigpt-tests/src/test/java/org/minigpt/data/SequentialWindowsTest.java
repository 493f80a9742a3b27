package org.minigpt.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SequentialWindowsTest {
    @Test
    void windowsFollowEachOtherAndTheLastIsPadded() {
        // 9 tokens have 8 targets: windows of 3 start at 0, 3 and 6, and the last has 2 targets. Two windows a batch.
        List<Batch> batches = all(new SequentialWindows(new int[] {10, 11, 12, 13, 14, 15, 16, 17, 18}, 2, 3));
        assertEquals(
                List.of(
                        new Batch(2, 3, new int[] {10, 11, 12, 13, 14, 15}, new int[] {11, 12, 13, 14, 15, 16}),
                        new Batch(1, 3, new int[] {16, 17, 0}, new int[] {17, 18, Batch.IGNORE_INDEX})),
                batches);
    }

    @Test
    void aFullLastWindowIsNotPadded() {
        assertEquals(
                List.of(
                        new Batch(1, 2, new int[] {1, 2}, new int[] {2, 3}),
                        new Batch(1, 2, new int[] {3, 4}, new int[] {4, 5})),
                all(new SequentialWindows(new int[] {1, 2, 3, 4, 5}, 1, 2)));
    }

    @Test
    void aTextShorterThanAWindowIsOnePaddedWindow() {
        assertEquals(
                List.of(new Batch(1, 4, new int[] {7, 0, 0, 0}, new int[] {8, -1, -1, -1})),
                all(new SequentialWindows(new int[] {7, 8}, 100, 4)));
    }

    @Test
    void everyTokenButTheFirstIsATargetOnce() {
        Random random = new Random(8);
        for (int i = 0; i < 300; i++) {
            int[] ids = Ids.random(random, 2 + random.nextInt(300), 1 + random.nextInt(20));
            int batchSize = 1 + random.nextInt(10);
            int blockSize = 1 + random.nextInt(40);
            String what = ids.length + " tokens, batch size " + batchSize + ", block size " + blockSize;
            SequentialWindows windows = new SequentialWindows(ids, batchSize, blockSize);
            List<Batch> batches = all(windows);

            // Their order is the text's too, which says more than that their multisets are equal.
            assertArrayEquals(Arrays.copyOfRange(ids, 1, ids.length), countedTargets(batches), what);
            assertArrayEquals(Arrays.copyOf(ids, ids.length - 1), inputsOfCountedTargets(batches), what);
            assertEquals(windows.batchCount(), batches.size(), what);
            for (Batch batch : batches) {
                boolean last = batch == batches.get(batches.size() - 1);
                assertEquals(blockSize, batch.blockSize(), what);
                assertTrue(last ? batch.batchSize() <= batchSize : batch.batchSize() == batchSize, what);
                for (int row = 0; row < batch.batchSize(); row++) {
                    assertTrue(batch.y()[row * blockSize] != Batch.IGNORE_INDEX, "a row of padding only: " + what);
                }
                for (int t = 0; t < batch.x().length; t++) {
                    assertTrue(batch.y()[t] != Batch.IGNORE_INDEX || batch.x()[t] == 0, "padded x: " + what);
                }
            }
        }
    }

    @Test
    void everyIteratorStartsAtTheBeginning() {
        SequentialWindows windows = new SequentialWindows(Ids.counting(30), 2, 4);
        Iterator<Batch> other = windows.iterator();
        other.next();
        assertEquals(all(windows), all(windows));
    }

    @Test
    void theIteratorEnds() {
        Iterator<Batch> iterator = new SequentialWindows(Ids.counting(5), 8, 4).iterator();
        iterator.next();
        assertFalse(iterator.hasNext());
        assertThrows(NoSuchElementException.class, iterator::next);
    }

    @ParameterizedTest
    @CsvSource({
        // n, B, T, ceil(ceil((n - 1) / T) / B)
        "2,  1, 1, 1",
        "9,  2, 3, 2", // 8 targets, 3 windows
        "13, 2, 3, 2", // 12 targets, 4 windows
        "14, 2, 3, 3", // 13 targets, 5 windows
        "14, 2147483639, 1, 1",
        "14, 1, 2147483639, 1",
    })
    void batchCount(int n, int batchSize, int blockSize, int expected) {
        assertEquals(expected, new SequentialWindows(new int[n], batchSize, blockSize).batchCount());
    }

    @Test
    void theTextMustHaveATarget() {
        assertSentence(
                "the text has 1 token, but a token and its target are two; give more text",
                () -> new SequentialWindows(new int[1], 4, 8));
        assertSentence(
                "the text has 0 tokens, but a token and its target are two; give more text",
                () -> new SequentialWindows(new int[0], 4, 8));
    }

    @Test
    void theSizesMustBePossible() {
        assertSentence(
                "the batch size is -1 but must be at least 1; set it", () -> new SequentialWindows(new int[32], -1, 8));
        assertSentence(
                "the block size is 0 but must be at least 1; set it", () -> new SequentialWindows(new int[32], 4, 0));
    }

    private static List<Batch> all(SequentialWindows windows) {
        List<Batch> batches = new ArrayList<>();
        windows.forEach(batches::add);
        return batches;
    }

    private static int[] countedTargets(List<Batch> batches) {
        return batches.stream()
                .flatMapToInt(batch -> Arrays.stream(batch.y()))
                .filter(target -> target != Batch.IGNORE_INDEX)
                .toArray();
    }

    private static int[] inputsOfCountedTargets(List<Batch> batches) {
        List<Integer> inputs = new ArrayList<>();
        for (Batch batch : batches) {
            for (int i = 0; i < batch.x().length; i++) {
                if (batch.y()[i] != Batch.IGNORE_INDEX) {
                    inputs.add(batch.x()[i]);
                }
            }
        }
        return inputs.stream().mapToInt(Integer::intValue).toArray();
    }
}
