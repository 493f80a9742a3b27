package org.minigpt.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.generate.Frequencies.assertDistribution;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.minigpt.MiniGptException;
import org.minigpt.generate.LogitsProcessors.Banned;
import org.minigpt.generate.LogitsProcessors.MinP;
import org.minigpt.generate.LogitsProcessors.NoRepeatNgram;
import org.minigpt.generate.LogitsProcessors.PresencePenalty;
import org.minigpt.generate.LogitsProcessors.RepetitionPenalty;
import org.minigpt.generate.LogitsProcessors.Temperature;
import org.minigpt.generate.LogitsProcessors.TopK;
import org.minigpt.generate.LogitsProcessors.TopP;
import org.minigpt.generate.LogitsProcessors.TypicalP;
import org.minigpt.generate.TokenGeneration.FinishReason;

class LogitsProcessorsTest {
    private static final double NEVER = Double.NEGATIVE_INFINITY;

    /** Logarithms of 0.4, 0.3, 0.2, 0.1, in another order, from 5 on. */
    private static final double[] LOGITS = logits(0.2, 0.4, 0.1, 0.3);

    private static double[] logits(double... probabilities) {
        return Arrays.stream(probabilities).map(p -> Math.log(p) + 5).toArray();
    }

    /** Asserts which ids are left; the logits of those must be as they were. */
    private static void assertKept(LogitsProcessor processor, double[] logits, Integer... ids) {
        double[] expected = new double[logits.length];
        Arrays.fill(expected, NEVER);
        for (int id : ids) {
            expected[id] = logits[id];
        }
        assertArrayEquals(expected, apply(processor, logits), processor::toString);
    }

    private static double[] apply(LogitsProcessor processor, double[] logits, int... context) {
        double[] changed = logits.clone();
        processor.apply(changed, new LogitsProcessor.Context(context));
        return changed;
    }

    @Test
    void topKKeepsTheLikeliest() {
        assertKept(new TopK(1), LOGITS, 1);
        assertKept(new TopK(3), LOGITS, 0, 1, 3);
        assertKept(new TopK(4), LOGITS, 0, 1, 2, 3);
        assertKept(new TopK(100), LOGITS, 0, 1, 2, 3);
    }

    @Test
    void topKKeepsExactlyKOfEqualsTheLowerIds() {
        assertKept(new TopK(2), new double[] {1, 3, 3, 3, 0}, 1, 2);
        assertKept(new TopK(3), new double[] {2, 1, 2, 1, 3, 1}, 0, 2, 4);
        assertKept(new TopK(4), new double[] {2, 1, 2, 1, 3, 1}, 0, 1, 2, 4);
        // what is impossible already stays so, even among the first
        assertKept(new TopK(2), new double[] {NEVER, 1, NEVER}, 1);
    }

    @Test
    void topPKeepsTheFewestThatMakeItUp() {
        // 0.4, 0.7, 0.9, 1
        assertKept(new TopP(0.39), LOGITS, 1);
        assertKept(new TopP(0.41), LOGITS, 1, 3);
        assertKept(new TopP(0.69), LOGITS, 1, 3);
        assertKept(new TopP(0.71), LOGITS, 1, 3, 0);
        assertKept(new TopP(0.91), LOGITS, 0, 1, 2, 3);
        assertKept(new TopP(1), LOGITS, 0, 1, 2, 3);
        assertKept(new TopP(1e-9), LOGITS, 1);
        // Equals by id: 1/4 each, of which three make up 0.6.
        assertKept(new TopP(0.6), new double[] {7, 7, 7, 7}, 0, 1, 2);
    }

    @Test
    void minPComparesWithTheLikeliest() {
        // Of 0.4: half is 0.2, three quarters 0.3.
        assertKept(new MinP(0.49), LOGITS, 0, 1, 3);
        assertKept(new MinP(0.51), LOGITS, 1, 3);
        assertKept(new MinP(0.76), LOGITS, 1);
        assertKept(new MinP(1), new double[] {1, 2, 2}, 1, 2);
    }

    @Test
    void typicalPPrefersTheExpectedSurprise() {
        // Surprises of 0.4, 0.3, 0.2, 0.1: 0.916, 1.204, 1.609, 2.303; their mean 0.366 + 0.361 + 0.322 + 0.230 =
        // 1.280.
        // Distances: 0.364, 0.076, 0.330, 1.023: so 0.3 first, then 0.2, 0.4, 0.1.
        assertKept(new TypicalP(0.29), LOGITS, 3);
        assertKept(new TypicalP(0.31), LOGITS, 3, 0);
        assertKept(new TypicalP(0.51), LOGITS, 3, 0, 1);
        assertKept(new TypicalP(0.91), LOGITS, 0, 1, 2, 3);
        assertKept(new TypicalP(1), LOGITS, 0, 1, 2, 3);
        assertKept(new TypicalP(0.99), new double[] {NEVER, 1, NEVER}, 1);
    }

    @Test
    void theTemperatureDividesFromTheMaximum() {
        assertArrayEquals(new double[] {-4, 0, NEVER}, apply(new Temperature(0.5), new double[] {1, 3, NEVER}));
    }

    @Test
    void theRepetitionPenaltyIsForAllOfTheContext() {
        double[] logits = {3, -3, 0, 3, -3};
        assertArrayEquals(
                new double[] {2, -4.5, 0, 3, -3}, apply(new RepetitionPenalty(1.5), logits, 1, 0, 0, 2, 1), 1e-12);
    }

    @Test
    void thePresencePenaltyIsForWhatWasGenerated() {
        LogitsProcessor.Context context = new LogitsProcessor.Context(0, 1);
        context.add(2);
        context.add(1);
        context.add(2);
        double[] logits = {3, 3, 3, 3};
        new PresencePenalty(0.75).apply(logits, context);
        assertArrayEquals(new double[] {3, 2.25, 2.25, 3}, logits);
    }

    @Test
    void theFrequencyPenaltyIsForHowOftenItWasGenerated() {
        LogitsProcessor.Context context = new LogitsProcessor.Context(0, 1);
        context.add(2);
        context.add(1);
        context.add(2);
        double[] logits = {3, 3, 3, 3};
        new LogitsProcessors.FrequencyPenalty(0.75).apply(logits, context);
        // Token 2 came twice: 3 - 2 · 0.75.
        assertArrayEquals(new double[] {3, 2.25, 1.5, 3}, logits);
        assertThrows(MiniGptException.class, () -> new LogitsProcessors.FrequencyPenalty(Double.NaN));
    }

    @Test
    void biasesAreAdded() {
        assertArrayEquals(
                new double[] {3, 4, NEVER, -2},
                apply(new LogitsProcessors.LogitBias(Map.of(0, 2.0, 2, NEVER, 3, -6.0)), new double[] {1, 4, 3, 4}));
        assertSentence(
                "logit_bias of token 1 is NaN but must be finite, or -∞ to forbid the token",
                () -> new LogitsProcessors.LogitBias(Map.of(1, Double.NaN)));
        // Beside others, also if the options are taken up again.
        LogitsProcessor own = (logits, context) -> logits[1] = NEVER;
        SamplingOptions options =
                SamplingOptions.builder().penalty(own).logitBias(Map.of(0, 1.0)).frequencyPenalty(1).build().toBuilder()
                        .frequencyPenalty(2)
                        .build();
        assertEquals(
                List.of(new LogitsProcessors.FrequencyPenalty(2), new LogitsProcessors.LogitBias(Map.of(0, 1.0)), own),
                options.penalties());
        assertEquals(List.of(), options.filters());
    }

    @Test
    void ngramsDoNotRepeat() {
        double[] logits = {1, 2, 3, 4};
        // 1 2 has been followed by 3 and by 0
        assertArrayEquals(
                new double[] {NEVER, 2, 3, NEVER}, apply(new NoRepeatNgram(3), logits, 1, 2, 3, 1, 2, 0, 1, 2));
        assertArrayEquals(logits, apply(new NoRepeatNgram(3), logits, 1, 2));
        assertArrayEquals(logits, apply(new NoRepeatNgram(3), logits, 1));
        // 2 2 followed by 2, with which it overlaps
        assertArrayEquals(new double[] {1, 2, NEVER, 4}, apply(new NoRepeatNgram(3), logits, 2, 2, 2));
        assertArrayEquals(new double[] {1, NEVER, 3, NEVER}, apply(new NoRepeatNgram(1), logits, 1, 3));
    }

    @Test
    void bannedTokensNeverCome() {
        assertArrayEquals(new double[] {NEVER, 2, NEVER}, apply(new Banned(Set.of(0, 2, 9)), new double[] {1, 2, 3}));
    }

    @Test
    void rankingsOrderByKeyThenId() {
        Random random = new Random(5);
        for (int round = 0; round < 300; round++) {
            double[] keys =
                    random.ints(1 + random.nextInt(40), 0, 8).asDoubleStream().toArray();
            int[] expected = IntStream.range(0, keys.length)
                    .boxed()
                    .sorted((a, b) -> keys[a] != keys[b] ? Double.compare(keys[b], keys[a]) : Integer.compare(a, b))
                    .mapToInt(Integer::intValue)
                    .toArray();
            Ranking ranking = new Ranking(keys);
            assertArrayEquals(
                    expected,
                    IntStream.range(0, keys.length).map(i -> ranking.next()).toArray());
        }
    }

    /** Draws with options from a model whose tokens 0 to 3 have the probabilities 0.2, 0.4, 0.1, 0.3. */
    private static IntStream draws(SamplingOptions options) {
        return IntStream.range(0, 40_000)
                .map(seed -> sequence(new int[] {2}, options, seed).next(LOGITS));
    }

    private static SamplingOptions.Builder options() {
        return SamplingOptions.builder();
    }

    @Test
    void drawsFollowWhatTheFiltersLeave() {
        assertDistribution(
                new double[] {2 / 9.0, 4 / 9.0, 0, 3 / 9.0},
                draws(options().topK(3).build()));
        assertDistribution(
                new double[] {0, 4 / 7.0, 0, 3 / 7.0}, draws(options().topP(0.6).build()));
        assertDistribution(
                new double[] {2 / 9.0, 4 / 9.0, 0, 3 / 9.0},
                draws(options().minP(0.4).build()));
        assertDistribution(
                new double[] {2 / 5.0, 0, 0, 3 / 5.0},
                draws(options().typicalP(0.45).build()));
        assertDistribution(
                new double[] {2 / 6.0, 0, 1 / 6.0, 3 / 6.0},
                draws(options().bannedIds(1).build()));
        // the prompt is token 2: with logits 5 + ln(p), of which 2.70 is divided by 2, so that e^-1.35 of it is left
        double left = 0.1 * Math.exp(-(5 + Math.log(0.1)) / 2);
        double total = 0.9 + left;
        assertDistribution(
                new double[] {0.2 / total, 0.4 / total, left / total, 0.3 / total},
                draws(options().repetitionPenalty(2).build()));
    }

    @Test
    void drawsFollowWhatPenaltiesOnTheGeneratedLeave() {
        // Only draws after a first that was token 1 count: of its 0.4, e^-1 of it is left.
        double left = 0.4 * Math.exp(-1);
        double total = 0.6 + left;
        assertDistribution(
                new double[] {0.2 / total, left / total, 0.1 / total, 0.3 / total},
                secondDraws(1, options().presencePenalty(1).build(), 2));
        // The prompt is 1 2: after 1 no 2 may come, so 0.2, 0.4 and 0.3 of 0.9 are left.
        assertDistribution(
                new double[] {2 / 9.0, 4 / 9.0, 0, 3 / 9.0},
                secondDraws(1, options().noRepeatNgram(2).build(), 1, 2));
    }

    private static Sequence sequence(int[] prompt, SamplingOptions options, long seed) {
        return new Sequence(prompt, options.withSeed(seed), options.stopIds(), Integer.MAX_VALUE, token -> true);
    }

    /** The second draw of each seed whose first is a certain token. */
    private static IntStream secondDraws(int first, SamplingOptions options, int... prompt) {
        return IntStream.range(0, 100_000)
                .mapToObj(seed -> sequence(prompt, options, seed))
                .filter(sequence -> sequence.next(LOGITS) == first)
                .mapToInt(sequence -> sequence.next(LOGITS));
    }

    @Test
    void theTemperatureComesBeforeTheFilters() {
        // At 1/2 the probabilities are 4, 16, 1, 9 of 30: the first two make up 25/30 = 0.83.
        assertDistribution(
                new double[] {0, 16 / 25.0, 0, 9 / 25.0},
                draws(options().temperature(0.5).topP(0.8).build()));
    }

    @Test
    void filtersWorkTogether() {
        assertDistribution(
                new double[] {0, 4 / 7.0, 0, 3 / 7.0},
                draws(options().topK(3).topP(0.7).build()));
        // top-p sees what top-k left: 4/9 + 3/9 of 9 is 0.78
        assertDistribution(
                new double[] {2 / 9.0, 4 / 9.0, 0, 3 / 9.0},
                draws(options().topK(3).topP(0.8).build()));
    }

    @Test
    void greedyKnowsPenaltiesButNeedsNoFilters() {
        Sequence sequence = sequence(
                new int[] {0}, options().greedy(true).bannedIds(1).topK(1).build(), 1);
        assertEquals(3, sequence.next(LOGITS));
    }

    @Test
    void somethingMustBeLeft() {
        Sequence sequence =
                sequence(new int[] {0}, options().bannedIds(0, 1, 2, 3).build(), 1);
        assertSentence(
                "every token is forbidden, by banned ids or no_repeat_ngram; allow some", () -> sequence.next(LOGITS));
    }

    /** Logits as large as floats, with every parameter at its bounds: nothing overflows. */
    @Test
    void whatIsAllowedLeavesNumbers() {
        double[] logits = {Float.MAX_VALUE, -Float.MAX_VALUE, 0, 3, Float.MIN_VALUE};
        for (double temperature : new double[] {Double.MIN_VALUE, 1, Double.MAX_VALUE}) {
            for (double repetition : new double[] {0.01, 100}) {
                for (double presence : new double[] {-100, 100}) {
                    for (double share : new double[] {Double.MIN_VALUE, 1}) {
                        SamplingOptions options = options()
                                .temperature(temperature)
                                .repetitionPenalty(repetition)
                                .presencePenalty(presence)
                                .noRepeatNgram(Integer.MAX_VALUE)
                                .topK(Integer.MAX_VALUE)
                                .topP(share)
                                .minP(share)
                                .typicalP(share)
                                .build();
                        Sequence sequence = sequence(new int[] {0, 1}, options, 3);
                        for (int i = 0; i < 20; i++) {
                            assertTrue(sequence.next(logits) >= 0, options::toString);
                        }
                    }
                }
            }
        }
    }

    @Test
    void aFilterThatLeavesNoNumbersIsNotTheModelsFault() {
        for (double wrong : new double[] {Double.NaN, Double.POSITIVE_INFINITY}) {
            Sequence sequence = sequence(
                    new int[] {0},
                    options().filter((logits, context) -> logits[2] = wrong).build(),
                    1);
            assertSentence(
                    "a penalty or filter has made a logit " + wrong
                            + "; a LogitsProcessor must leave numbers, or -∞ for a token that must not come",
                    () -> sequence.next(LOGITS));
        }
    }

    @Test
    void whenNothingIsLeftTheTextSoFarStays() {
        SamplingOptions options = options().noRepeatNgram(1).greedy(true).build();
        Sequence sequence = sequence(new int[] {2}, options, 1);
        assertEquals(1, sequence.next(LOGITS));
        assertEquals(3, sequence.next(LOGITS));
        assertEquals(0, sequence.next(LOGITS));
        assertEquals(-1, sequence.next(LOGITS));
        assertEquals(FinishReason.EXHAUSTED, sequence.result().finishReason());
        assertArrayEquals(new int[] {1, 3, 0}, sequence.result().ids());
    }

    @Test
    void valuesAreChecked() {
        assertSentence(
                "top_k is 0 but must be at least 1; 40 is usual, and to keep all tokens leave it out",
                () -> new TopK(0));
        String share = " is %s but must be above 0 and at most 1; %s is usual, and 1 the most";
        assertSentence("top_p" + share.formatted("0.0", "0.9"), () -> new TopP(0));
        assertSentence("top_p" + share.formatted("NaN", "0.9"), () -> new TopP(Double.NaN));
        assertSentence("min_p" + share.formatted("1.1", "0.05"), () -> new MinP(1.1));
        assertSentence("typical_p" + share.formatted("-1.0", "0.95"), () -> new TypicalP(-1));
        assertSentence(
                "repetition_penalty is 0.0 but must be from 0.01 to 100; 1.1 is usual, and 1 changes nothing",
                () -> new RepetitionPenalty(0));
        for (double beyond : new double[] {1e-308, 0.00999, 100.01, 1e308, Double.NaN, -1}) {
            assertSentence(
                    "repetition_penalty is " + beyond
                            + " but must be from 0.01 to 100; 1.1 is usual, and 1 changes nothing",
                    () -> new RepetitionPenalty(beyond));
        }
        assertSentence(
                "presence_penalty is Infinity but must be from -100 to 100; 0.5 is usual, and 0 changes nothing",
                () -> new PresencePenalty(Double.POSITIVE_INFINITY));
        assertThrows(MiniGptException.class, () -> new PresencePenalty(Double.NaN));
        assertThrows(MiniGptException.class, () -> new PresencePenalty(-100.1));
        assertSentence(
                "no_repeat_ngram is 0 but must be at least 1; 3 is usual, and to allow all repetition leave it out",
                () -> new NoRepeatNgram(0));
        assertSentence(
                "a banned id is -1 but must not be negative; give the ids of tokens", () -> new Banned(Set.of(-1)));
        assertSentence(
                "a stop text is empty, so nothing would be generated; leave it out",
                () -> options().stop("").build());
    }
}
