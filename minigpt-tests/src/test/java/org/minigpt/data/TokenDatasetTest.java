package org.minigpt.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TokenDatasetTest {
    @ParameterizedTest
    @CsvSource({
        // n, fraction, floor(fraction * n)
        "20, 0.9, 18",
        "29, 0.9, 26", // 26.1
        "29, 0.5, 14", // 14.5
        "1115394, 0.9, 1003854", // tiny Shakespeare: 1003854.6
    })
    void theFirstPartTrains(int n, double fraction, int trainLength) {
        TokenDataset dataset = TokenDataset.split(Ids.counting(n), fraction);
        assertArrayEquals(Ids.counting(trainLength), dataset.train().toArray());
        assertArrayEquals(
                IntStream.range(trainLength, n).toArray(), dataset.validation().toArray());
    }

    @Test
    void bothPartsTogetherAreTheCorpus() {
        Random random = new Random(5);
        for (int i = 0; i < 200; i++) {
            int[] ids = Ids.random(random, 20 + random.nextInt(500), 50);
            TokenDataset dataset = TokenDataset.split(ids, 0.1 + 0.8 * random.nextDouble());
            assertArrayEquals(
                    ids,
                    IntStream.concat(
                                    IntStream.of(dataset.train().toArray()),
                                    IntStream.of(dataset.validation().toArray()))
                            .toArray());
        }
    }

    @Test
    void ofReturnsThePart() {
        TokenDataset dataset = new TokenDataset(new int[] {1, 2}, new int[] {3});
        assertSame(dataset.train(), dataset.of(TokenDataset.Split.TRAIN));
        assertSame(dataset.validation(), dataset.of(TokenDataset.Split.VALIDATION));
    }

    @Test
    void equalContentsMakeEqualDatasets() {
        TokenDataset dataset = new TokenDataset(new int[] {1, 2}, new int[] {3});
        assertEquals(dataset, new TokenDataset(new int[] {1, 2}, new int[] {3}));
        assertEquals(dataset.hashCode(), new TokenDataset(new int[] {1, 2}, new int[] {3}).hashCode());
        assertNotEquals(dataset, new TokenDataset(new int[] {1, 2}, new int[] {4}));
        assertNotEquals(dataset, new TokenDataset(new int[] {1}, new int[] {3}));
        assertEquals("TokenDataset[2 train, 1 validation]", dataset.toString());
    }

    @Test
    void anEmptyCorpus() {
        assertSentence("the corpus is empty; give a text", () -> TokenDataset.split(new int[0], 0.9));
    }

    @Test
    void aCorpusThatIsTooShortForTwoParts() {
        // floor(0.9 * 11) = 9 leaves 2, floor(0.9 * 10) = 9 leaves 1.
        assertEquals(2, TokenDataset.split(new int[11], 0.9).validation().length());
        assertSentence(
                "the corpus of 10 tokens leaves 1 for the validation split at a train fraction of 0.9, but each split"
                        + " takes at least 2; give more text",
                () -> TokenDataset.split(new int[10], 0.9));
        assertSentence(
                "the corpus of 1 token leaves 0 for the train split at a train fraction of 0.9, but each split takes at"
                        + " least 2; give more text",
                () -> TokenDataset.split(new int[1], 0.9));
    }

    @ParameterizedTest
    @CsvSource({"0, 0.0", "1, 1.0", "-0.5, -0.5", "90, 90.0", "NaN, NaN"})
    void anImpossibleFraction(double fraction, String shown) {
        assertSentence(
                "the fraction of the text to train on must lie between 0 and 1, but is " + shown + "; 0.9 is usual",
                () -> TokenDataset.split(new int[100], fraction));
    }

    @Test
    void bothSplitsMustHaveAWindow() {
        TokenDataset dataset = TokenDataset.split(new int[90], 0.9); // 81 and 9
        assertSame(dataset, dataset.requireWindows(8));
        assertSentence(
                "the validation split has 9 tokens, but a block size of 9 takes at least 10; give more text, or a"
                        + " smaller block size, at most 8",
                () -> dataset.requireWindows(9));
        assertSentence(
                "the train split has 81 tokens, but a block size of 256 takes at least 257; give more text, or a smaller"
                        + " block size, at most 80",
                () -> dataset.requireWindows(256));
        assertSentence(
                "the train split has 1 token, but a block size of 1 takes at least 2; give more text",
                () -> new TokenDataset(new int[1], new int[9]).requireWindows(1));
    }
}
