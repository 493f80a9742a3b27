package org.minigpt.generate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.IntSummaryStatistics;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.minigpt.decode.Decoder;
import org.minigpt.decode.Decoder.Window;
import org.minigpt.decode.LanguageModel;
import org.minigpt.generate.TokenGeneration.FinishReason;
import org.minigpt.model.Gpt;
import org.minigpt.text.CharTokenizer;
import org.minigpt.text.Tokenizer;

/** Texts that come and go while others are generated. */
class TextBatchTest {
    private static final Tokenizer TOKENIZER = CharTokenizer.fromCorpus("abcdefgh");

    /** Keeps what it is told. */
    private static class Told implements TextGenerator.Listener {
        final Map<Integer, StringBuilder> texts = new HashMap<>();
        final Map<Integer, FinishReason> reasons = new HashMap<>();
        final List<Double> logProbabilities = new ArrayList<>();
        int tokens;
        boolean cancelled;
        boolean paused;
        RuntimeException failure;

        @Override
        public boolean cancelled() {
            return cancelled;
        }

        @Override
        public boolean paused() {
            return paused;
        }

        @Override
        public void onToken(int sequence, GeneratedToken token, String text) {
            tokens++;
            logProbabilities.add(token.chosen().logProbability());
            texts.computeIfAbsent(sequence, key -> new StringBuilder()).append(text);
        }

        @Override
        public void onEnd(int sequence, String text, FinishReason reason) {
            texts.computeIfAbsent(sequence, key -> new StringBuilder()).append(text);
            assertNull(reasons.put(sequence, reason));
        }

        @Override
        public void onFailure(int sequence, RuntimeException e) {
            failure = e;
        }

        String text() {
            return texts.get(0).toString();
        }
    }

    private static void runAll(TextBatch batch) {
        while (batch.size() > 0) {
            batch.step();
        }
    }

    private static SamplingOptions.Builder options(int tokens) {
        return SamplingOptions.builder().maxNewTokens(tokens);
    }

    /** Prompts that begin alike, of which some are cut once or twice, and some longer than block_size, 150. */
    private static int[] prompt(Random random, int[] common) {
        int[] prompt = random.ints(1 + random.nextInt(180), 0, 8).toArray();
        int same = new int[] {0, 64, 130, prompt.length}[random.nextInt(4)];
        System.arraycopy(common, 0, prompt, 0, Math.min(same, prompt.length));
        return prompt;
    }

    /** What a request wants, and what came of it. */
    private record Wanted(List<int[]> prompts, int samples, SamplingOptions options, Told told, int cancelAt) {}

    /** Each token of a text that has outgrown its context runs a whole window, so such texts have their turns one by one. */
    @Test
    void textsThatSlideHaveTheirTurns() {
        TextGenerator generator = new TextGenerator(RiggedModels.random(8, 150), TOKENIZER);
        int[] full = new Random(3).ints(150, 0, 8).toArray();
        Told sliding = new Told();
        Told other = new Told();
        try (TextBatch batch = generator.batch(4, Window.EXACT)) {
            batch.join(List.of(full, full, full), 1, options(10).ignoreEos(true).build(), sliding);
            batch.step(); // the prompts, which begin alike and so are run once, and the first tokens
            assertEquals(3, sliding.tokens);
            batch.step();
            assertEquals(4, sliding.tokens);
            batch.join(List.of(new int[] {1}), 1, options(30).ignoreEos(true).build(), other);
            while (other.tokens < 30) {
                int before = other.tokens;
                batch.step();
                assertEquals(before + 1, other.tokens); // none is waited for
                IntSummaryStatistics lengths = sliding.texts.values().stream()
                        .mapToInt(StringBuilder::length)
                        .summaryStatistics();
                assertTrue(lengths.getMax() - lengths.getMin() <= 1, lengths::toString);
            }
            runAll(batch);
            assertEquals(30, sliding.tokens);
        }
    }

    @ParameterizedTest
    @EnumSource(Window.class)
    void textsAreThoseThatEachWouldBeAlone(Window window) {
        TextGenerator generator = new TextGenerator(RiggedModels.random(8, 150), TOKENIZER);
        Random random = new Random(7);
        int[] common = random.ints(180, 0, 8).toArray();
        List<Wanted> all = new ArrayList<>();
        try (TextBatch batch = generator.batch(5, window)) {
            while (all.size() < 40 || batch.size() > 0) {
                if (all.size() < 40 && random.nextInt(3) == 0) {
                    List<int[]> prompts = IntStream.rangeClosed(0, random.nextInt(3))
                            .mapToObj(i -> prompt(random, common))
                            .toList();
                    SamplingOptions.Builder options =
                            options(random.nextInt(40)).seed(all.size()).window(window);
                    if (random.nextBoolean()) {
                        options.topK(3).stop("gg");
                    }
                    Wanted wanted = new Wanted(
                            prompts, 1 + random.nextInt(2), options.build(), new Told(), random.nextInt(200));
                    batch.join(wanted.prompts, wanted.samples, wanted.options, wanted.told);
                    all.add(wanted);
                }
                batch.step();
                for (Wanted wanted : all) {
                    wanted.told.cancelled |= wanted.told.tokens > wanted.cancelAt;
                    wanted.told.paused = random.nextInt(5) == 0;
                }
            }
        }
        int cancelled = 0;
        for (Wanted wanted : all) {
            List<Completion> alone = new ArrayList<>();
            for (int[] prompt : wanted.prompts) {
                for (int i = 0; i < wanted.samples; i++) {
                    SamplingOptions own = wanted.options.withSeed(wanted.options.seed() + i);
                    alone.addAll(generator.generateAll(List.of(prompt), 1, own, (sequence, token, text) -> {}));
                }
            }
            for (int i = 0; i < alone.size(); i++) {
                String text = wanted.told.texts.get(i).toString();
                if (wanted.told.reasons.get(i) == FinishReason.CANCELLED) {
                    cancelled++;
                    assertTrue((alone.get(i).text() + "gg").startsWith(text), text); // no stop text;
                } else {
                    assertEquals(alone.get(i).text(), text);
                    assertEquals(alone.get(i).finishReason(), wanted.told.reasons.get(i));
                }
            }
        }
        assertTrue(cancelled > 5 && cancelled < 100, cancelled + " were cancelled");
    }

    /** The model changes between two prompts, but what the second has in common with the first is not run again. */
    @Test
    void theBeginningOfAPromptIsNotRunAgain() {
        Gpt gpt = RiggedModels.random(8, 200);
        TextGenerator generator = new TextGenerator(gpt, TOKENIZER);
        int[] first = new Random(3).ints(190, 0, 8).toArray();
        int[] second = Arrays.copyOf(first, 180);
        Arrays.fill(second, 131, 180, 5);
        SamplingOptions options = options(20).build();
        List<Double> expected = alone(generator, second, options);
        try (TextBatch batch = generator.batch(3, Window.EXACT)) {
            Told running = new Told();
            batch.join(List.of(first), 1, options(9).build(), running);
            batch.step();
            assertEquals(1, running.tokens);
            // Positions 0 to 127 are looked up when their tokens run, and by nobody else.
            for (int t = 0; t < 128; t++) {
                gpt.parameters().get("wpe.weight").getRow(t).muli(1000);
            }
            Told told = new Told();
            batch.join(List.of(second), 1, options, told); // from one that runs
            runAll(batch);
            assertEquals(expected, told.logProbabilities);
            Told again = new Told();
            batch.join(List.of(second), 1, options, again); // from one that has ended
            runAll(batch);
            assertEquals(expected, again.logProbabilities);
        }
        assertNotEquals(expected, alone(generator, second, options));
    }

    private static List<Double> alone(TextGenerator generator, int[] prompt, SamplingOptions options) {
        Told told = new Told();
        generator.generateAll(List.of(prompt), 1, options, told);
        return told.logProbabilities;
    }

    /** A model without a cache that counts what it is asked: an equal prompt is none of that. */
    @Test
    void anEqualPromptIsRunOnce() {
        AtomicInteger asked = new AtomicInteger();
        LanguageModel counting = new LanguageModel() {
            @Override
            public int vocabSize() {
                return 8;
            }

            @Override
            public Decoder decoder(int rows, int tokens, Window window) {
                return Decoder.uncached(8, 10, rows, tokens, window, ids -> {
                    asked.incrementAndGet();
                    double[] logits = new double[8];
                    logits[ids[ids.length - 1] % 8] = ids.length;
                    return logits;
                });
            }
        };
        TextGenerator generator = new TextGenerator(counting, TOKENIZER);
        int[] prompt = generator.encode("abc");
        SamplingOptions options = options(4).build();
        generator.generateAll(List.of(prompt, generator.encode("abc")), 3, options, (sequence, token, text) -> {});
        assertEquals(1 + 6 * 3, asked.get()); // the prompt, and three more tokens of each text
    }

    @Test
    void aLongPromptHoldsNobodyUp() {
        TextGenerator generator = new TextGenerator(RiggedModels.random(8, 2100), TOKENIZER);
        try (TextBatch batch = generator.batch(4, Window.EXACT)) {
            Told running = new Told();
            batch.join(List.of(new int[] {1}), 1, options(1000).build(), running);
            batch.step();
            Told late = new Told();
            Told later = new Told();
            batch.join(
                    List.of(new Random(1).ints(2000, 0, 8).toArray()),
                    1,
                    options(5).build(),
                    late);
            batch.join(List.of(new int[] {2, 3, 4}), 1, options(5).build(), later);
            // Pieces end at 512, where there is no time for the short one, 1024, 1536 and 2000.
            int[] tokensOfLater = {0, 1, 2, 3, 4};
            for (int step = 0; step < 5; step++) {
                assertEquals(0, late.tokens, "step " + step);
                batch.step();
                assertEquals(2 + step, running.tokens);
                assertEquals(tokensOfLater[step], later.tokens);
            }
            assertEquals(1, late.tokens);
        }
    }

    @Test
    void whatGoesWrongWithOneHarmsNoOther() {
        TextGenerator generator = new TextGenerator(RiggedModels.random(8, 30), TOKENIZER);
        SamplingOptions options = options(20).build();
        try (TextBatch batch = generator.batch(8, Window.EXACT)) {
            Told sound = new Told();
            IllegalStateException enough = new IllegalStateException("enough");
            Told throwing = new Told() {
                @Override
                public void onToken(int sequence, GeneratedToken token, String text) {
                    super.onToken(sequence, token, text);
                    if (tokens == 4) {
                        throw enough;
                    }
                }
            };
            Told unknown = new Told();
            Told none = new Told();
            Told rude = new Told() {
                @Override
                public boolean cancelled() {
                    throw enough;
                }
            };
            batch.join(List.of(new int[] {1, 2}), 1, options, throwing);
            batch.join(List.of(new int[] {1, 9}), 1, options, unknown);
            batch.join(List.of(new int[] {1, 2}), 1, options, sound);
            batch.join(
                    List.of(new int[] {1, 2}),
                    1,
                    options(9).bannedIds(0, 1, 2, 3, 4, 5, 6, 7).build(),
                    none);
            batch.join(List.of(new int[] {1, 2}), 1, options, rude);
            assertEquals(5, batch.size());
            runAll(batch);
            assertEquals(generator.generate("bc", options), sound.text());
            assertNull(sound.failure);
            assertEquals(enough, throwing.failure);
            assertEquals(4, throwing.tokens);
            assertEquals(enough, rude.failure);
            assertTrue(unknown.failure.getMessage().startsWith("ids[1] is 9, but the vocabulary's 8 tokens"));
            assertTrue(none.failure instanceof TokenGenerator.NoTokenLeftException);
            // What the failed ones have left behind is not taken for a prompt's beginning.
            Told again = new Told();
            batch.join(List.of(new int[] {1, 2}), 8, options, again);
            runAll(batch);
            assertEquals(sound.text(), again.text());
        }
    }

    @Test
    void whoPausesGoesOnLater() {
        TextGenerator generator = new TextGenerator(RiggedModels.random(8, 30), TOKENIZER);
        SamplingOptions options = options(20).build();
        try (TextBatch batch = generator.batch(2, Window.EXACT)) {
            Told slow = new Told();
            Told quick = new Told();
            batch.join(List.of(new int[] {1, 2}), 1, options, slow);
            batch.join(List.of(new int[] {1, 2}), 1, options, quick);
            batch.step();
            slow.paused = true;
            while (quick.reasons.isEmpty()) {
                assertTrue(batch.step());
            }
            assertEquals(1, slow.tokens);
            assertFalse(batch.step());
            slow.paused = false;
            runAll(batch);
            assertEquals(quick.text(), slow.text());
            Told nothing = new Told();
            batch.join(List.of(new int[] {1}), 1, options(0).build(), nothing);
            runAll(batch);
            assertEquals(Map.of(0, FinishReason.LENGTH), nothing.reasons);
        }
    }

    @Test
    void closingEndsIt() {
        TextGenerator generator = new TextGenerator(RiggedModels.random(8, 30), TOKENIZER);
        TextBatch batch = generator.batch(1, Window.EXACT);
        Told told = new Told();
        batch.join(List.of(new int[] {1}), 3, options(20).build(), told);
        batch.step();
        assertEquals(3, batch.size());
        batch.close();
        assertEquals(0, batch.size());
        assertFalse(batch.step());
        assertThrows(
                org.minigpt.MiniGptException.class,
                () -> batch.join(List.of(new int[0]), 1, options(1).build(), told));
    }
}
