package org.minigpt.decode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.minigpt.decode.Decoder.Window;
import org.minigpt.graph.PortableOps;
import org.minigpt.graph.Positions;
import org.minigpt.graph.Positions.RopeScaling;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.model.GptConfig.Initialization;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.model.GptConfig.Norm;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** A decoder's logits are those of the whole context through the model's own graph. */
class DecoderTest {
    private static final double TOLERANCE = 1e-5;
    private static final Mlp[] PLAIN = {Mlp.RELU, Mlp.RELU2, Mlp.GELU, Mlp.GELU_TANH, Mlp.SILU};
    private static final Positions[] POSITIONS = {
        new Positions.Learned(),
        new Positions.Rotary(),
        new Positions.Rotary(500, new RopeScaling.Llama3(8, 1, 4, 32)),
        new Positions.Alibi()
    };

    private static GptConfig config(Random random) {
        int heads = 1 + random.nextInt(4);
        return GptConfig.builder()
                .vocabSize(2 + random.nextInt(60))
                .blockSize(1 + random.nextInt(90))
                .nLayer(1 + random.nextInt(3))
                .nHead(heads)
                .nEmbd(heads * (1 + random.nextInt(20)))
                .bias(pick(random, Bias.values()))
                .mlp(pick(random, PLAIN))
                .tiedHead(random.nextBoolean())
                .initialization(Initialization.NANOGPT)
                .dropout(random.nextBoolean() ? 0.3 : 0)
                .build();
    }

    /** With layers that are not GPT-2's, each of them often enough. */
    private static GptConfig otherLayers(Random random) {
        GptConfig config = config(random);
        boolean swiGlu = random.nextBoolean();
        return config.toBuilder()
                .nEmbd(2 * config.nEmbd()) // so that a head is of even width, as rotary positions need
                .nKvHead(config.nHead() % 2 == 0 && random.nextBoolean() ? config.nHead() / 2 : 1)
                .norm(pick(random, Norm.values()))
                .positions(pick(random, POSITIONS))
                .mlp(swiGlu ? Mlp.SWIGLU : config.mlp())
                .nInner(random.nextInt(2) * 7)
                .headSize(random.nextInt(3) * 4)
                .qkNorm(random.nextBoolean())
                .build();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
    void cachedEqualsUncachedWithOtherLayers(long seed) {
        Random random = new Random(seed);
        assertCachedEqualsUncached(Gpt.create(otherLayers(random), seed), random);
    }

    private static <T> T pick(Random random, T[] values) {
        return values[random.nextInt(values.length)];
    }

    /** @return the logits after the last of the tokens, without a cache */
    static double[] uncached(Gpt gpt, List<Integer> tokens, int context) {
        int[] ids = tokens.subList(tokens.size() - context, tokens.size()).stream()
                .mapToInt(Integer::intValue)
                .toArray();
        INDArray logits = gpt.logits(new int[][] {ids});
        return logits.get(NDArrayIndex.point(0), NDArrayIndex.point(context - 1), NDArrayIndex.all())
                .toDoubleVector();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20})
    void cachedEqualsUncachedForEveryPositionOfRandomModels(long seed) {
        Random random = new Random(seed);
        assertCachedEqualsUncached(Gpt.create(config(random), seed), random);
    }

    private static void assertCachedEqualsUncached(Gpt gpt, Random random) {
        Window window = pick(random, Window.values());
        int block = gpt.config().blockSize();
        int rows = 1 + random.nextInt(12); // from 8 on, two threads may share them
        List<List<Integer>> sequences = new ArrayList<>();
        for (int row = 0; row < rows; row++) {
            sequences.add(new ArrayList<>());
        }
        try (Decoder decoder = gpt.decoder(rows, 3 * block, window)) {
            assertTrue(decoder.cached());
            for (int step = 0; step < 25; step++) {
                // Some of the sequences, each by one token or by several, in any order.
                int some = 1 + random.nextInt(rows);
                List<Integer> order = new ArrayList<>();
                for (int row = 0; row < rows; row++) {
                    order.add(random.nextInt(order.size() + 1), row);
                }
                int[] chosen =
                        order.stream().limit(some).mapToInt(Integer::intValue).toArray();
                int[][] ids = new int[some][];
                for (int i = 0; i < some; i++) {
                    int count = random.nextInt(4) > 0 ? 1 : 1 + random.nextInt(block + 2);
                    ids[i] = random.ints(count, 0, gpt.config().vocabSize()).toArray();
                    for (int id : ids[i]) {
                        sequences.get(chosen[i]).add(id);
                    }
                }
                double[][] logits = decoder.append(chosen, ids);
                for (int i = 0; i < some; i++) {
                    List<Integer> all = sequences.get(chosen[i]);
                    int context = decoder.contextLength(chosen[i]);
                    if (window == Window.EXACT || all.size() <= block) {
                        assertEquals(Math.min(block, all.size()), context);
                    } else {
                        assertTrue(context >= block / 2 && context <= block, () -> "context " + context);
                    }
                    assertArrayEquals(
                            uncached(gpt, all, context),
                            logits[i],
                            TOLERANCE,
                            "row " + chosen[i] + " of " + all.size());
                }
            }
        }
    }

    @Test
    void rowsOfSixteenAndWideModelsTooWhereThreadsShareTheProducts() {
        GptConfig config = GptConfig.builder()
                .vocabSize(301)
                .blockSize(130)
                .nLayer(2)
                .nHead(4)
                .nEmbd(192)
                .bias(Bias.ALL)
                .initialization(Initialization.NANOGPT)
                .build();
        Gpt gpt = Gpt.create(config, 3);
        Random random = new Random(4);
        for (int rows : new int[] {1, 2, 7, 16, 40}) {
            List<List<Integer>> sequences = new ArrayList<>();
            int[] all = new int[rows];
            int[][] ids = new int[rows][];
            for (int row = 0; row < rows; row++) {
                sequences.add(new ArrayList<>());
                all[row] = row;
                ids[row] = random.ints(1 + random.nextInt(100), 0, 301).toArray();
            }
            try (Decoder decoder = gpt.decoder(rows, 130, Window.EXACT)) {
                for (int step = 0; step < 3; step++) {
                    for (int row = 0; row < rows; row++) {
                        for (int id : ids[row]) {
                            sequences.get(row).add(id);
                        }
                    }
                    double[][] logits = decoder.append(all, ids);
                    for (int row = 0; row < rows; row++) {
                        List<Integer> tokens = sequences.get(row);
                        assertArrayEquals(uncached(gpt, tokens, tokens.size()), logits[row], TOLERANCE);
                        ids[row] = new int[] {random.nextInt(301)};
                    }
                }
            }
        }
    }

    @Test
    void aBatchAfterTheParametersHaveChangedKnowsTheNewOnes() {
        Gpt gpt = small(DataType.FLOAT, 20);
        int[] rows = {0, 1, 2, 3, 4, 5, 6, 7};
        int[][] ids = {{0}, {1}, {2}, {3}, {4}, {5}, {6}, {0}};
        for (int round = 0; round < 2; round++) {
            try (Decoder decoder = gpt.decoder(8, 20, Window.EXACT)) {
                decoder.append(rows, ids);
                double[][] logits = decoder.append(rows, ids);
                for (int row : rows) {
                    List<Integer> tokens = List.of(ids[row][0], ids[row][0]);
                    assertArrayEquals(uncached(gpt, tokens, 2), logits[row], TOLERANCE);
                }
            }
            gpt.parameters().values().forEach(parameter -> parameter.muli(1.5));
        }
    }

    @Test
    void aCopyOfASequenceGoesOnWithPromptsAndSingleTokens() {
        Gpt gpt = small(DataType.FLOAT, 20);
        try (Decoder decoder = gpt.decoder(3, 20, Window.EXACT)) {
            decoder.append(2, 6, 5, 4, 3, 2, 1, 0); // what was there before is forgotten
            decoder.append(2, 6);
            decoder.append(0, 1, 2, 3);
            decoder.append(0, 4);
            decoder.append(0, 5);
            decoder.copy(0, 2, 5);
            decoder.append(0, 0);

            assertArrayEquals(uncached(gpt, List.of(1, 2, 3, 4, 5, 6), 6), decoder.append(2, 6), TOLERANCE);
            List<Integer> longer = List.of(1, 2, 3, 4, 5, 6, 0, 1);
            assertArrayEquals(uncached(gpt, longer, 8), decoder.append(2, 0, 1), TOLERANCE);
            longer = List.of(1, 2, 3, 4, 5, 6, 0, 1, 2);
            assertArrayEquals(uncached(gpt, longer, 9), decoder.append(2, 2), TOLERANCE);
            assertArrayEquals(uncached(gpt, List.of(1, 2, 3, 4, 5, 0, 3), 7), decoder.append(0, 3), TOLERANCE);
        }
    }

    @Test
    void beyondTheBlockTheExactWindowIsTheLecturesCrop() {
        Gpt gpt = small(DataType.FLOAT, 6);
        try (Decoder decoder = gpt.decoder(1, 20, Window.EXACT)) {
            List<Integer> tokens = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                tokens.add(i % 7);
                double[] logits = decoder.append(0, i % 7);
                assertArrayEquals(uncached(gpt, tokens, Math.min(6, i + 1)), logits, TOLERANCE);
            }
        }
    }

    @Test
    void theHalvingWindowDropsTheOlderHalfWhenItIsFull() {
        try (Decoder decoder = small(DataType.FLOAT, 6).decoder(1, 20, Window.HALVING)) {
            int[] contexts = new int[12];
            for (int i = 0; i < 12; i++) {
                decoder.append(0, i % 7);
                contexts[i] = decoder.contextLength(0);
            }
            // Full at 6: of the 7 tokens the last 3 stay, the new one among them.
            assertArrayEquals(new int[] {1, 2, 3, 4, 5, 6, 3, 4, 5, 6, 3, 4}, contexts);
        }
    }

    @Test
    void aPromptBeyondTheBlockIsCropped() {
        Gpt gpt = small(DataType.FLOAT, 6);
        List<Integer> tokens = List.of(1, 2, 3, 4, 5, 6, 0, 1, 2);
        for (Window window : Window.values()) {
            try (Decoder decoder = gpt.decoder(1, 20, window)) {
                double[] logits = decoder.append(0, 1, 2, 3, 4, 5, 6, 0, 1, 2);
                assertEquals(6, decoder.contextLength(0));
                assertArrayEquals(uncached(gpt, tokens, 6), logits, TOLERANCE);
            }
        }
    }

    @Test
    void aCopyGoesOnByItself() {
        Gpt gpt = small(DataType.FLOAT, 30);
        try (Decoder decoder = gpt.decoder(3, 30, Window.EXACT)) {
            decoder.append(1, 1, 2, 3, 4);
            decoder.copy(1, 0, 4);
            decoder.copy(1, 2, 4);
            double[][] logits = decoder.append(new int[] {0, 1, 2}, new int[][] {{5}, {6}, {0, 1}});
            assertArrayEquals(uncached(gpt, List.of(1, 2, 3, 4, 5), 5), logits[0], TOLERANCE);
            assertArrayEquals(uncached(gpt, List.of(1, 2, 3, 4, 6), 5), logits[1], TOLERANCE);
            assertArrayEquals(uncached(gpt, List.of(1, 2, 3, 4, 0, 1), 6), logits[2], TOLERANCE);
        }
    }

    @Test
    void aSequenceMayForgetItsLastTokens() {
        Gpt gpt = small(DataType.FLOAT, 30);
        try (Decoder decoder = gpt.decoder(2, 30, Window.EXACT)) {
            decoder.append(0, 1, 2, 3, 4);
            decoder.append(0, 5);
            decoder.copy(0, 1, 3);
            decoder.copy(0, 0, 2);
            assertEquals(2, decoder.contextLength(0));
            assertArrayEquals(uncached(gpt, List.of(1, 2, 6), 3), decoder.append(0, 6), TOLERANCE);
            assertArrayEquals(uncached(gpt, List.of(1, 2, 3, 0, 6), 5), decoder.append(1, 0, 6), TOLERANCE);
            decoder.copy(0, 0, 0);
            assertArrayEquals(uncached(gpt, List.of(4), 1), decoder.append(0, 4), TOLERANCE);
        }
    }

    @Test
    void promptsAreCutAtPowersOfTwoAndThenEvery512Tokens() {
        int[] cuts = IntStream.iterate(0, Decoder::cut).limit(8).toArray();
        assertArrayEquals(new int[] {0, 64, 128, 256, 512, 1024, 1536, 2048}, cuts);
        assertEquals(128, Decoder.cut(64));
        assertEquals(128, Decoder.cut(127));
        assertEquals(1536, Decoder.cut(1025));
    }

    @Test
    void modelsWithoutACacheGiveTheSame() {
        Gpt gpt = small(DataType.FLOAT, 6);
        Gpt exact = small(DataType.DOUBLE, 6);
        Gpt portable =
                Gpt.builder(gpt.config()).seed(5).opSet(new PortableOps()).build();
        try (Decoder cached = gpt.decoder(2, 20, Window.HALVING)) {
            for (Gpt other : List.of(exact, portable)) {
                cached.reset(Window.HALVING);
                try (Decoder decoder = other.decoder(2, 20, Window.HALVING)) {
                    assertFalse(decoder.cached());
                    decoder.append(0, 3);
                    cached.append(0, 3);
                    decoder.copy(0, 1, 1);
                    cached.copy(0, 1, 1);
                    for (int i = 0; i < 14; i++) {
                        int[][] ids = {{i % 7}, {(i + 3) % 7}};
                        double[][] expected = cached.append(new int[] {0, 1}, ids);
                        double[][] logits = decoder.append(new int[] {0, 1}, ids);
                        assertArrayEquals(expected[0], logits[0], TOLERANCE);
                        assertArrayEquals(expected[1], logits[1], TOLERANCE);
                    }
                }
            }
        }
    }

    @Test
    void changedParametersCount() {
        Gpt gpt = small(DataType.FLOAT, 8);
        double[] before;
        try (Decoder decoder = gpt.decoder(1, 8, Window.EXACT)) {
            before = decoder.append(0, 1, 2);
        }
        gpt.flatParameters().muli(1.5);
        try (Decoder decoder = gpt.decoder(1, 8, Window.EXACT)) {
            double[] after = decoder.append(0, 1, 2);
            assertArrayEquals(uncached(gpt, List.of(1, 2), 2), after, TOLERANCE);
            assertFalse(Arrays.equals(before, after));
        }
    }

    @Test
    void aClosedDecoderServesAgainIfItIsLargeEnough() {
        Gpt gpt = small(DataType.FLOAT, 1000);
        Decoder first = gpt.decoder(2, 100, Window.EXACT);
        Decoder second = gpt.decoder(2, 100, Window.EXACT);
        assertNotSame(first, second);
        first.append(0, 1, 2, 3);
        first.close();
        first.close(); // without effect
        Decoder again = gpt.decoder(1, 200, Window.HALVING);
        assertSame(first, again);
        assertEquals(0, again.contextLength(0));
        assertNotSame(first, gpt.decoder(2, 100, Window.EXACT));
        again.close();
        assertNotSame(first, gpt.decoder(3, 100, Window.EXACT));
        assertNotSame(first, gpt.decoder(1, 300, Window.EXACT));
    }

    @Test
    void whatItCantDo() {
        Gpt gpt = small(DataType.FLOAT, 1000);
        Decoder decoder = gpt.decoder(1, 10, Window.EXACT);
        assertSentence(
                "a sequence is to be continued by no tokens; give at least one", () -> decoder.append(0, new int[0]));
        assertSentence(
                "ids[1] is 7, but the vocabulary's 7 tokens are 0 to 6; encode the text with the model's own tokenizer",
                () -> decoder.append(0, 1, 7));
        assertSentence(
                "a sequence has 257 tokens, but the decoder was made for 256; ask for a larger one",
                () -> decoder.append(0, new int[257]));
        assertSentence(
                "a decoder for 0 sequences of 5 tokens would do nothing; ask for at least one of each",
                () -> gpt.decoder(0, 5, Window.EXACT));
        assertEquals(0, decoder.contextLength(0));
    }

    private static Gpt small(DataType type, int blockSize) {
        GptConfig config = GptConfig.builder()
                .vocabSize(7)
                .blockSize(blockSize)
                .nLayer(2)
                .nHead(2)
                .nEmbd(12)
                .initialization(Initialization.NANOGPT)
                .build();
        return Gpt.builder(config).seed(5).dataType(type).build();
    }
}
