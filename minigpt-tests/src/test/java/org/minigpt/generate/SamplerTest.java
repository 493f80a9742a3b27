package org.minigpt.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.minigpt.generate.Frequencies.assertDistribution;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SamplerTest {
    private static final double[] PROBABILITIES = {0.5, 0.25, 0.125, 0.125};
    private static final double[] LOGITS =
            Arrays.stream(PROBABILITIES).map(p -> Math.log(p) + 100).toArray();

    @Test
    void greedyTakesTheLargestLogitAndTheFirstOfEquals() {
        Sampler greedy = new Sampler.Greedy();
        assertEquals(2, greedy.next(new double[] {-3, -2, 1e-3, -5}));
        assertEquals(1, greedy.next(new double[] {-3, 7, 7, -5}));
        assertEquals(1, greedy.next(new double[] {Double.NEGATIVE_INFINITY, -1e300}));
    }

    @Test
    void drawsFollowTheProbabilities() {
        Sampler sampler = new Sampler.Multinomial(1, 3);
        assertDistribution(PROBABILITIES, IntStream.range(0, 40_000).map(i -> sampler.next(LOGITS)));
    }

    @Test
    void firstDrawsOfSeedsFollowTheProbabilitiesToo() {
        assertDistribution(
                PROBABILITIES, IntStream.range(0, 40_000).map(seed -> new Sampler.Multinomial(1, seed).next(LOGITS)));
    }

    @Test
    void theTemperatureDividesTheLogits() {
        // At 1/2 the probabilities are squared, 16, 4, 1, 1 of 22 parts.
        Sampler cold = new Sampler.Multinomial(0.5, 4);
        assertDistribution(
                new double[] {16 / 22.0, 4 / 22.0, 1 / 22.0, 1 / 22.0},
                IntStream.range(0, 40_000).map(i -> cold.next(LOGITS)));
        // At 2 they are their roots, 2, √2, 1, 1.
        double parts = 4 + Math.sqrt(2);
        Sampler warm = new Sampler.Multinomial(2, 5);
        assertDistribution(
                new double[] {2 / parts, Math.sqrt(2) / parts, 1 / parts, 1 / parts},
                IntStream.range(0, 40_000).map(i -> warm.next(LOGITS)));
    }

    @Test
    void withoutTemperatureToSpeakOfItIsGreedy() {
        Sampler sampler = new Sampler.Multinomial(Double.MIN_VALUE, 6);
        for (int i = 0; i < 100; i++) {
            assertEquals(0, sampler.next(LOGITS));
        }
    }

    @Test
    void whatIsImpossibleNeverComes() {
        Sampler sampler = new Sampler.Multinomial(1, 7);
        double[] logits = {Double.NEGATIVE_INFINITY, 1, Double.NEGATIVE_INFINITY, 1, Double.NEGATIVE_INFINITY};
        assertEquals(
                List.of(1, 3),
                IntStream.range(0, 1000)
                        .map(i -> sampler.next(logits))
                        .distinct()
                        .sorted()
                        .boxed()
                        .toList());
    }

    @ParameterizedTest
    @CsvSource({
        // Computed apart from this program, from the definitions of SplitMix64 and java.util.Random: so no change of
        // code or JDK passes unseen that would change every sample.
        "1337, 0 1 3 0 0 1 0 0 0 1 0 0",
        "1,    3 0 1 0 0 0 3 0 0 1 3 0",
        "-5,   0 1 1 1 0 0 0 0 2 0 0 0"
    })
    void drawsAreTheSameOnEveryMachine(long seed, String draws) {
        Sampler sampler = new Sampler.Multinomial(1, seed);
        assertArrayEquals(
                Arrays.stream(draws.split(" ")).mapToInt(Integer::parseInt).toArray(),
                IntStream.range(0, 12).map(i -> sampler.next(LOGITS)).toArray());
    }

    @Test
    void logitsMustBeNumbers() {
        for (Sampler sampler : List.of(new Sampler.Greedy(), new Sampler.Multinomial(1, 1))) {
            String sentence =
                    "the model's logits are %s, so its training has diverged; use a model that was saved before,"
                            + " or train again with a smaller learning rate";
            assertSentence(sentence.formatted("NaN"), () -> sampler.next(new double[] {0, Double.NaN}));
            assertSentence(sentence.formatted("NaN"), () -> sampler.next(new double[] {Double.NaN, 0}));
            assertSentence(
                    sentence.formatted("infinite"), () -> sampler.next(new double[] {0, Double.POSITIVE_INFINITY}));
            assertSentence(sentence.formatted("infinite"), () -> sampler.next(new double[] {Double.NEGATIVE_INFINITY}));
        }
    }
}
