package org.minigpt.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.generate.Frequencies.assertDistribution;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.minigpt.MiniGptException;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

class TokenGeneratorTest {
    private static final SamplingOptions GREEDY =
            SamplingOptions.builder().maxNewTokens(10).greedy(true).build();

    @Test
    void greedyFollowsTheModel() {
        TokenGenerator generator = new TokenGenerator(RiggedModels.successor(4));
        assertArrayEquals(new int[] {1, 2, 3, 0, 1, 2, 3, 0, 1, 2}, generator.generate(new int[] {0}, GREEDY));
        // Only the last token of the prompt counts for this model.
        assertArrayEquals(new int[] {2, 3, 0, 1, 2, 3, 0, 1, 2, 3}, generator.generate(new int[] {3, 3, 1}, GREEDY));
    }

    @Test
    void theContextGrowsUpToTheBlockSize() {
        // The token after a context of n tokens is n - 1, and the context has never more than 6.
        TokenGenerator generator = new TokenGenerator(RiggedModels.place(6));
        assertArrayEquals(new int[] {1, 2, 3, 4, 5, 5, 5, 5, 5, 5}, generator.generate(new int[] {0, 0}, GREEDY));
        assertArrayEquals(
                new int[] {5, 5, 5, 5, 5, 5, 5, 5, 5, 5}, generator.generate(new int[] {0, 1, 0, 1, 0, 1, 0}, GREEDY));
    }

    @Test
    void eachTokenIsDrawnFromTheLogitsAfterTheLastOnesBeforeIt() {
        Gpt gpt = RiggedModels.random(5, 4);
        int[] prompt = {3, 1, 4, 1, 0, 2, 4};
        SamplingOptions options = SamplingOptions.builder().maxNewTokens(50).build();

        int[] generated = new TokenGenerator(gpt).generate(prompt, options);

        Sampler sampler = options.sampler();
        int[] all =
                IntStream.concat(IntStream.of(prompt), IntStream.of(generated)).toArray();
        for (int i = prompt.length; i < all.length; i++) {
            INDArray logits = gpt.logits(new int[][] {Arrays.copyOfRange(all, i - 4, i)}); // [1,4,5]
            double[] last = IntStream.range(0, 5)
                    .mapToDouble(id -> logits.getDouble(0, 3, id))
                    .toArray();
            assertEquals(sampler.next(last), all[i], "token " + i);
        }
        // So the tokens before have no say.
        assertArrayEquals(generated, new TokenGenerator(gpt).generate(new int[] {1, 0, 2, 4}, options));
        assertTrue(IntStream.of(generated).distinct().count() > 2);
    }

    @Test
    void rowsOfABatchDoNotSeeEachOther() {
        Gpt gpt = RiggedModels.random(5, 4);
        int[] row = {3, 1, 4};
        INDArray alone = gpt.logits(new int[][] {row}); // [1,3,5]
        INDArray batch = gpt.logits(new int[][] {{0, 0, 0}, row, {4, 4, 4}}); // [3,3,5]
        for (int t = 0; t < 3; t++) {
            for (int id = 0; id < 5; id++) {
                assertEquals(alone.getFloat(0, t, id), batch.getFloat(1, t, id), 1e-6);
            }
        }
    }

    @Test
    void drawsFollowTheModelsProbabilities() {
        TokenGenerator generator = new TokenGenerator(RiggedModels.unigram(0.5, 0.25, 0.125, 0.125));
        SamplingOptions.Builder options =
                SamplingOptions.builder().maxNewTokens(5000).seed(2);
        assertDistribution(
                new double[] {0.5, 0.25, 0.125, 0.125},
                IntStream.of(generator.generate(new int[] {0}, options.build())));
        // At temperature 1/2 the probabilities are squared, 16, 4, 1, 1 of 22 parts.
        assertDistribution(
                new double[] {16 / 22.0, 4 / 22.0, 1 / 22.0, 1 / 22.0},
                IntStream.of(generator.generate(
                        new int[] {0}, options.temperature(0.5).build())));
    }

    @Test
    void theSeedDecides() {
        TokenGenerator generator = new TokenGenerator(RiggedModels.random(5, 4));
        SamplingOptions.Builder options = SamplingOptions.builder().maxNewTokens(50);
        int[] first = generator.generate(new int[] {1}, options.seed(1).build());

        assertArrayEquals(
                first, generator.generate(new int[] {1}, options.seed(1).build()));
        assertFalse(Arrays.equals(
                first, generator.generate(new int[] {1}, options.seed(2).build())));
    }

    @Test
    void severalThreadsMayGenerateAtOnce() throws Exception {
        TokenGenerator generator = new TokenGenerator(RiggedModels.random(5, 4));
        SamplingOptions options = SamplingOptions.builder().maxNewTokens(100).build();
        int[] alone = generator.generate(new int[] {1}, options);
        ExecutorService threads = Executors.newFixedThreadPool(3);
        try {
            List<Future<int[]>> results = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                results.add(threads.submit(() -> generator.generate(new int[] {1}, options)));
            }
            for (Future<int[]> result : results) {
                assertArrayEquals(alone, result.get());
            }
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void tokensAreHandedOverAsTheyCome() {
        TokenGenerator generator = new TokenGenerator(RiggedModels.successor(4));
        List<Integer> received = new ArrayList<>();
        RuntimeException enough = new RuntimeException("enough");
        RuntimeException thrown = assertThrows(
                RuntimeException.class,
                () -> generator.generate(new int[] {0}, GREEDY, id -> {
                    received.add(id);
                    if (received.size() == 3) {
                        throw enough;
                    }
                }));
        assertSame(enough, thrown);
        assertEquals(List.of(1, 2, 3), received);
    }

    @Test
    void aVocabularyOfOneTokenIsEnough() {
        TokenGenerator generator = new TokenGenerator(RiggedModels.unigram(1));
        assertArrayEquals(new int[10], generator.generate(new int[] {0}, GREEDY));
    }

    @Test
    void noTokensMayBeAskedFor() {
        TokenGenerator generator = new TokenGenerator(RiggedModels.successor(4));
        SamplingOptions none = SamplingOptions.builder().maxNewTokens(0).build();
        assertEquals(0, generator.generate(new int[] {0}, none).length);
    }

    @Test
    void thePromptMustHaveTokensOfTheModel() {
        TokenGenerator generator = new TokenGenerator(RiggedModels.successor(4));
        assertSentence("the prompt has no tokens; give at least one", () -> generator.generate(new int[0], GREEDY));
        assertThrows(MiniGptException.class, () -> generator.generate(new int[] {0, 4}, GREEDY));
    }

    @Test
    void aModelInDoubleGeneratesToo() {
        GptConfig config = RiggedModels.random(5, 4).config();
        Gpt gpt = Gpt.builder(config).seed(11).dataType(DataType.DOUBLE).build();
        SamplingOptions options = SamplingOptions.builder().maxNewTokens(50).build();
        assertArrayEquals(
                new TokenGenerator(RiggedModels.random(5, 4)).generate(new int[] {1}, options),
                new TokenGenerator(gpt).generate(new int[] {1}, options));
    }
}
