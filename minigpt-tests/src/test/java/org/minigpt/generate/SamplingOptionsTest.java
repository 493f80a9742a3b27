package org.minigpt.generate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.minigpt.testing.Sentences.assertSentence;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SamplingOptionsTest {
    @Test
    void eachValueIsTaken() {
        assertEquals(
                new SamplingOptions(500, 1, 1337, false),
                SamplingOptions.builder().build());
        assertEquals(
                new SamplingOptions(7, 0.8, 5, true),
                SamplingOptions.builder()
                        .maxNewTokens(7)
                        .temperature(0.8)
                        .seed(5)
                        .greedy(true)
                        .build());
    }

    @Test
    void theOptionsChooseTheSampler() {
        assertInstanceOf(
                Sampler.Greedy.class,
                SamplingOptions.builder().greedy(true).build().sampler());
        assertInstanceOf(
                Sampler.Multinomial.class, SamplingOptions.builder().build().sampler());
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, -0.5, Double.NaN, Double.POSITIVE_INFINITY})
    void theTemperatureMustBePositive(double temperature) {
        String sentence = "temperature is " + temperature
                + " but must be positive; 0.8 is usual, and for always the most likely token sample greedily";
        assertSentence(
                sentence,
                () -> SamplingOptions.builder().temperature(temperature).build());
        assertSentence(sentence, () -> new Sampler.Multinomial(temperature, 1));
    }

    @Test
    void thereAreNoNegativeNumbersOfTokens() {
        assertSentence(
                "max_new_tokens is -1 but must not be negative; 500 is usual",
                () -> SamplingOptions.builder().maxNewTokens(-1).build());
    }
}
