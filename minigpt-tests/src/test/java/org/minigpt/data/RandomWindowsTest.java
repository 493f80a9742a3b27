package org.minigpt.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RandomWindowsTest {
    @Test
    void everyRowIsAWindowOfTheTextAndItsTargetsFollow() {
        Random random = new Random(6);
        for (int i = 0; i < 100; i++) {
            int blockSize = 1 + random.nextInt(20);
            int batchSize = 1 + random.nextInt(10);
            int n = blockSize + 1 + random.nextInt(100);
            // Ids far from their places, so that an id cannot be mistaken for a start.
            int[] ids = IntStream.range(0, n).map(place -> 1000 + 3 * place).toArray();

            Batch batch = new RandomWindows(ids, batchSize, blockSize, random.nextLong()).batch(random.nextLong());

            assertEquals(batchSize, batch.batchSize());
            assertEquals(blockSize, batch.blockSize());
            for (int row = 0; row < batchSize; row++) {
                int start = (batch.x()[row * blockSize] - 1000) / 3;
                assertArrayEquals(
                        Arrays.copyOfRange(ids, start, start + blockSize),
                        Arrays.copyOfRange(batch.x(), row * blockSize, (row + 1) * blockSize));
                assertArrayEquals(
                        Arrays.copyOfRange(ids, start + 1, start + 1 + blockSize),
                        Arrays.copyOfRange(batch.y(), row * blockSize, (row + 1) * blockSize));
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        // Computed apart from this program, from the definitions of SplitMix64 and java.util.Random, for 1003 tokens
        // and a block size of 3: so no change of code or JDK passes unseen that would change every training run.
        "1337, 0,             504 648 827 833 120 259",
        "1337, 1,             240 582 218 264 738 310",
        "1338, 0,             435 909 189 831 369 482",
        "-1,   1000000000000, 42 344 386 704 914 361",
    })
    void theNumbersAreFixed(long seed, long index, String starts) {
        Batch batch = new RandomWindows(Ids.counting(1003), 6, 3, seed).batch(index);
        assertArrayEquals(
                Arrays.stream(starts.split(" ")).mapToInt(Integer::parseInt).toArray(), starts(batch));
    }

    @Test
    void aBatchDependsOnSeedAndIndexOnly() {
        int[] ids = Ids.random(new Random(7), 500, 65);
        RandomWindows forwards = new RandomWindows(ids, 4, 8, 1337);
        RandomWindows backwards = new RandomWindows(ids, 4, 8, 1337);
        Batch[] batches = new Batch[50];
        for (int i = 0; i < 50; i++) {
            batches[i] = forwards.batch(i);
        }
        for (int i = 49; i >= 0; i--) {
            assertEquals(batches[i], backwards.batch(i));
        }
        assertEquals(50, new HashSet<>(List.of(batches)).size(), "no batch comes twice");
        assertNotEquals(batches[0], new RandomWindows(ids, 4, 8, 1338).batch(0));
    }

    @Test
    void neighbouringSeedsDoNotShareBatches() {
        // Were the seed of a batch seed + index, seed 1338 would run one step ahead of seed 1337.
        Set<Batch> seen = new HashSet<>();
        for (long seed = -10; seed < 10; seed++) {
            RandomWindows windows = new RandomWindows(Ids.counting(10_000), 4, 2, seed);
            for (long index = -10; index < 10; index++) {
                seen.add(windows.batch(index));
            }
        }
        assertEquals(20 * 20, seen.size());
    }

    @Test
    void aSingleWindowIsDrawnAlways() {
        Batch batch = new RandomWindows(new int[] {5, 6, 7}, 2, 2, 1).batch(0);
        assertArrayEquals(new int[] {5, 6, 5, 6}, batch.x());
        assertArrayEquals(new int[] {6, 7, 6, 7}, batch.y());
    }

    // Uniformity: 40 tokens and a block size of 7 leave 40 - 7 = 33 starts, 0 to 32. With 33 equally likely starts the
    // chi-squared statistic has 32 degrees of freedom and exceeds 62.5 once in a thousand; the seeds are fixed. A start
    // that cannot be reached would alone add its expected count of 1000.
    private static final double CHI_SQUARED_32 = 62.5;

    @Test
    void startsAreUniformWithinABatch() {
        assertUniform(starts(new RandomWindows(Ids.counting(40), 33_000, 7, 1).batch(0)));
    }

    @Test
    void startsAreUniformOverTheBatches() {
        RandomWindows windows = new RandomWindows(Ids.counting(40), 1, 7, 1);
        assertUniform(IntStream.range(0, 33_000)
                .map(index -> starts(windows.batch(index))[0])
                .toArray());
    }

    @Test
    void startsAreUniformOverTheSeeds() {
        assertUniform(IntStream.range(0, 33_000)
                .map(seed -> starts(new RandomWindows(Ids.counting(40), 1, 7, seed).batch(0))[0])
                .toArray());
    }

    @Test
    void startsOfNeighboursAreIndependent() {
        // 9 tokens, block size 1: 8 starts, 64 pairs, 63 degrees of freedom, exceeds 103.4 once in a thousand.
        RandomWindows windows = new RandomWindows(Ids.counting(9), 2, 1, 2);
        int[] rows = new int[64];
        int[] batches = new int[64];
        for (int index = 0; index < 64_000; index++) {
            int[] starts = starts(windows.batch(2L * index));
            rows[8 * starts[0] + starts[1]]++;
            batches[8 * starts[0] + starts(windows.batch(2L * index + 1))[0]]++;
        }
        assertTrue(chiSquared(rows) < 103.4, () -> "rows of a batch: " + chiSquared(rows));
        assertTrue(chiSquared(batches) < 103.4, () -> "first rows of two batches: " + chiSquared(batches));
    }

    private static void assertUniform(int[] starts) {
        int[] counts = new int[33];
        for (int start : starts) {
            counts[start]++;
        }
        assertTrue(chiSquared(counts) < CHI_SQUARED_32, () -> "chi-squared " + chiSquared(counts));
    }

    private static double chiSquared(int[] counts) {
        double expected = IntStream.of(counts).sum() / (double) counts.length;
        return IntStream.of(counts)
                .mapToDouble(count -> (count - expected) * (count - expected) / expected)
                .sum();
    }

    /** The first tokens of the rows, which in counting ids are the starts. */
    private static int[] starts(Batch batch) {
        return IntStream.range(0, batch.batchSize())
                .map(row -> batch.x()[row * batch.blockSize()])
                .toArray();
    }

    @Test
    void theTextMustHaveAWindow() {
        assertSentence(
                "the text has 32 tokens, but a block size of 32 takes at least 33; give more text, or a smaller block"
                        + " size, at most 31",
                () -> new RandomWindows(new int[32], 4, 32, 1));
        assertSentence(
                "the text has 0 tokens, but a block size of 2147483639 takes at least 2147483640; give more text",
                () -> new RandomWindows(new int[0], 1, Integer.MAX_VALUE - 8, 1));
    }

    @Test
    void theSizesMustBePossible() {
        assertSentence(
                "the batch size is 0 but must be at least 1; set it", () -> new RandomWindows(new int[32], 0, 8, 1));
        assertSentence(
                "the block size is 0 but must be at least 1; set it", () -> new RandomWindows(new int[32], 4, 0, 1));
        assertSentence(
                "a batch size of 1000000 with a block size of 10000 makes batches of more than 2147483639 tokens; choose"
                        + " a smaller one of the two",
                () -> new RandomWindows(new int[10_001], 1_000_000, 10_000, 1));
    }
}
