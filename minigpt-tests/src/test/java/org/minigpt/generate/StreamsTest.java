package org.minigpt.generate;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Flow;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.minigpt.MiniGptException;
import org.minigpt.generate.TokenGeneration.FinishReason;
import org.minigpt.model.Gpt;
import org.minigpt.text.CharTokenizer;
import org.minigpt.text.Tokenizer;

/** The ways in which generated text comes: they all give the same. */
class StreamsTest {
    private static final Tokenizer TOKENIZER = CharTokenizer.fromCorpus("abcdefgh");
    private static final SamplingOptions GREEDY = options().greedy(true).build();

    private final ExecutorService executor = Executors.newSingleThreadExecutor();

    @AfterEach
    void end() {
        executor.shutdownNow();
    }

    private static SamplingOptions.Builder options() {
        return SamplingOptions.builder().maxNewTokens(20);
    }

    /** After each letter comes the next, and after h an a. */
    private static TextGenerator alphabet() {
        return new TextGenerator(RiggedModels.successor(8), TOKENIZER);
    }

    private static TextGenerator random() {
        return new TextGenerator(RiggedModels.random(8, 16), TOKENIZER);
    }

    @Test
    void allWaysGiveTheSameText() throws InterruptedException {
        TextGenerator generator = random();
        SamplingOptions options = options().temperature(0.9).topK(5).stop("zz").build();
        List<String> pieces = new ArrayList<>();
        String text = generator.generate("abc", options, pieces::add);
        assertEquals(20, text.length());
        assertEquals(text, String.join("", pieces));
        assertEquals(text, generator.generate("abc", options));
        try (var stream = generator.stream("abc", options)) {
            assertEquals(text, stream.collect(Collectors.joining()));
        }
        Pieces subscriber = new Pieces(Long.MAX_VALUE);
        generator.publisher("abc", options, executor).subscribe(subscriber);
        subscriber.await();
        assertEquals(text, String.join("", subscriber.received));
        assertEquals(
                text, generator.generateAll(List.of("abc"), 1, options).get(0).text());
    }

    @Test
    void aStopTextEndsItAndIsNotPartOfIt() {
        for (String stop : List.of("fg", "f", "fgh")) {
            SamplingOptions options = options().greedy(true).stop("xyz", stop).build();
            List<String> pieces = new ArrayList<>();
            assertEquals("cde", alphabet().generate("ab", options, pieces::add));
            assertEquals(List.of("c", "d", "e"), pieces);
            Completion completion =
                    alphabet().generateAll(List.of("ab"), 1, options).get(0);
            assertEquals("cde", completion.text());
            assertEquals(FinishReason.STOP, completion.finishReason());
            assertEquals(3 + stop.length(), completion.tokens().ids().length);
        }
    }

    @Test
    void theEarliestOfSeveralStopTextsCounts() {
        assertEquals(
                "c",
                alphabet()
                        .generate(
                                "ab",
                                options().greedy(true).stop("fg", "de", "efgh").build()));
        assertEquals(
                "cd",
                alphabet()
                        .generate("ab", options().greedy(true).stop("fg", "ef").build()));
    }

    @Test
    void whatOnlyBeginsAStopTextComesThrough() {
        List<String> pieces = new ArrayList<>();
        StopFilter filter = new StopFilter(List.of("aab", "abx"), pieces::add);
        filter.accept("a");
        filter.accept("a");
        assertEquals(List.of(), pieces);
        filter.accept("a");
        assertEquals(List.of("a"), pieces);
        filter.accept("c");
        assertEquals(List.of("a", "aac"), pieces);
        filter.accept("zab");
        assertEquals(List.of("a", "aac", "z"), pieces);
        filter.finish();
        assertEquals(List.of("a", "aac", "z", "ab"), pieces);
        assertFalse(filter.stopped());
    }

    @Test
    void aStopTextAtTheVeryEndCounts() {
        SamplingOptions options =
                options().maxNewTokens(3).greedy(true).stop("e").build();
        Completion completion =
                alphabet().generateAll(List.of("ab"), 1, options).get(0);
        assertEquals("cd", completion.text());
        assertEquals(FinishReason.STOP, completion.finishReason());
        try (TextStream stream = alphabet().open("ab", options)) {
            stream.forEachRemaining(piece -> {});
            assertEquals(FinishReason.STOP, stream.result().finishReason());
        }
    }

    @Test
    void aStopTokenEndsIt() {
        SamplingOptions options = options().greedy(true).stopIds(4).build();
        assertEquals("cd", alphabet().generate("ab", options));
        Completion completion =
                alphabet().generateAll(List.of("ab"), 1, options).get(0);
        assertEquals("cd", completion.text());
        assertEquals(FinishReason.STOP, completion.finishReason());
        assertArrayEquals(new int[] {2, 3}, completion.tokens().ids());
    }

    @Test
    void textIsComputedWhenItIsAskedFor() {
        try (TextStream stream = alphabet().open("a", GREEDY)) {
            assertEquals(0, stream.result().tokens().ids().length);
            assertEquals("b", stream.next());
            assertEquals(1, stream.result().tokens().ids().length);
            assertTrue(stream.hasNext());
            assertTrue(stream.hasNext());
            assertEquals(2, stream.result().tokens().ids().length);
            assertEquals("c", stream.next());
            assertNull(stream.result().finishReason());
        }
        try (var stream = alphabet().stream("a", GREEDY)) {
            assertEquals(List.of("b", "c", "d"), stream.limit(3).toList());
        }
    }

    @Test
    void cancellingEndsIt() {
        try (TextStream stream = alphabet().open("a", GREEDY)) {
            stream.next();
            stream.cancel();
            assertFalse(stream.hasNext());
            assertThrows(NoSuchElementException.class, stream::next);
            assertEquals("b", stream.result().text());
            assertEquals(FinishReason.CANCELLED, stream.result().finishReason());
        }
    }

    @Test
    void lengthEndsIt() {
        try (TextStream stream = alphabet().open("a", GREEDY)) {
            stream.forEachRemaining(piece -> {});
            assertEquals(FinishReason.LENGTH, stream.result().finishReason());
        }
    }

    @Test
    void charactersOfSeveralTokensAreNeverBroken() {
        // Tokens are the bytes of UTF-8, each the successor of the one before: C3 A4 E2 82 AC F0 9F 98 80.
        int[] bytes =
                IntStream.range(0, 9).map(i -> "ä€😀".getBytes(UTF_8)[i] & 255).toArray();
        TextGenerator generator = new TextGenerator(RiggedModels.successor(9), new SomeBytes(bytes));
        SamplingOptions options = options().maxNewTokens(12).greedy(true).build();
        assertEquals(
                List.of("€", "😀", "ä"), generator.stream("ä", options).toList().subList(0, 3));
    }

    @Test
    void tokensBeginWhereTheirCharacterDoes() {
        byte[] text = "ä€😀".getBytes(UTF_8);
        int[] bytes = IntStream.range(0, text.length).map(i -> text[i] & 255).toArray();
        TokenOffsets offsets = new TokenOffsets(new SomeBytes(bytes));
        assertArrayEquals(
                new int[] {0, 0, 1, 1, 1, 2, 2, 2, 2, 3},
                IntStream.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 0).map(offsets::next).toArray());
    }

    @Test
    void aListenerMayCancelAll() {
        AtomicInteger tokens = new AtomicInteger();
        List<FinishReason> reasons = new ArrayList<>();
        TextGenerator.Listener cancelling = new TextGenerator.Listener() {
            @Override
            public boolean cancelled() {
                return tokens.get() == 3 * 32;
            }

            @Override
            public void onToken(int sequence, GeneratedToken token, String text) {
                tokens.incrementAndGet();
            }

            @Override
            public void onEnd(int sequence, String text, FinishReason reason) {
                reasons.add(reason);
            }
        };
        TextGenerator generator = alphabet();
        // The stop text's beginning is held back until the end. More than run at once.
        SamplingOptions options = options().greedy(true).stop("dx").build();
        List<Completion> all = generator.generateAll(List.of(generator.encode("a")), 40, options, cancelling);
        for (int i = 0; i < 40; i++) {
            assertEquals(i < 32 ? "bcd" : "", all.get(i).text());
            assertEquals(FinishReason.CANCELLED, all.get(i).finishReason());
            assertEquals(FinishReason.CANCELLED, reasons.get(i));
        }
    }

    /** The tokens are certain bytes. */
    private record SomeBytes(int[] bytes) implements Tokenizer {
        @Override
        public int vocabSize() {
            return bytes.length;
        }

        @Override
        public int[] encode(String text) {
            byte[] encoded = text.getBytes(UTF_8);
            return IntStream.range(0, encoded.length)
                    .map(i -> IntStream.range(0, bytes.length)
                            .filter(id -> bytes[id] == (encoded[i] & 255))
                            .findFirst()
                            .orElseThrow())
                    .toArray();
        }

        @Override
        public String decode(int... ids) {
            byte[] decoded = new byte[ids.length];
            for (int i = 0; i < ids.length; i++) {
                decoded[i] = (byte) bytes[ids[i]];
            }
            return new String(decoded, UTF_8);
        }

        @Override
        public void save(java.nio.file.Path file) {
            throw new UnsupportedOperationException();
        }
    }

    /** A subscriber that asks for so many pieces. */
    private static final class Pieces implements Flow.Subscriber<String> {
        final ConcurrentLinkedQueue<String> received = new ConcurrentLinkedQueue<>();
        final CountDownLatch ended = new CountDownLatch(1);
        private final long first;
        volatile Flow.Subscription subscription;
        volatile Throwable error;

        Pieces(long first) {
            this.first = first;
        }

        @Override
        public void onSubscribe(Flow.Subscription subscription) {
            this.subscription = subscription;
            if (first != 0) {
                subscription.request(first);
            }
        }

        @Override
        public void onNext(String item) {
            received.add(item);
        }

        @Override
        public void onError(Throwable throwable) {
            error = throwable;
            ended.countDown();
        }

        @Override
        public void onComplete() {
            ended.countDown();
        }

        void await() throws InterruptedException {
            assertTrue(ended.await(20, TimeUnit.SECONDS));
        }
    }

    /** Waits until all that is due on the executor has run. */
    private void settle() throws Exception {
        executor.submit(() -> {}).get(20, TimeUnit.SECONDS);
        executor.submit(() -> {}).get(20, TimeUnit.SECONDS);
    }

    @Test
    void aSubscriberGetsWhatItAsksFor() throws Exception {
        Pieces subscriber = new Pieces(0);
        alphabet().publisher("a", GREEDY, executor).subscribe(subscriber);
        settle();
        assertEquals(List.of(), List.copyOf(subscriber.received));
        subscriber.subscription.request(2);
        settle();
        assertEquals(List.of("b", "c"), List.copyOf(subscriber.received));
        subscriber.subscription.request(1);
        subscriber.subscription.request(16);
        settle();
        assertEquals(19, subscriber.received.size());
        assertEquals(1, subscriber.ended.getCount());
        subscriber.subscription.request(1);
        // It ends with the last piece, without one more being asked for.
        subscriber.await();
        assertEquals(20, subscriber.received.size());
        assertNull(subscriber.error);
    }

    @Test
    void aSubscriberMayCancel() throws Exception {
        Pieces subscriber = new Pieces(3);
        alphabet().publisher("a", GREEDY, executor).subscribe(subscriber);
        settle();
        subscriber.subscription.cancel();
        subscriber.subscription.request(5);
        settle();
        assertEquals(List.of("b", "c", "d"), List.copyOf(subscriber.received));
        assertEquals(1, subscriber.ended.getCount());
    }

    @Test
    void aSubscriberIsToldOfErrors() throws Exception {
        Pieces unknown = new Pieces(1);
        alphabet().publisher("aXb", GREEDY, executor).subscribe(unknown);
        unknown.await();
        assertInstanceOf(MiniGptException.class, unknown.error);
        Pieces none = new Pieces(-1);
        alphabet().publisher("a", GREEDY, executor).subscribe(none);
        none.await();
        assertInstanceOf(IllegalArgumentException.class, none.error);
    }

    @Test
    void oneModelServesManyGeneratorsAtOnce() throws Exception {
        Gpt gpt = RiggedModels.random(8, 16);
        SamplingOptions options = options().maxNewTokens(60).build();
        List<String> expected = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            expected.add(new TextGenerator(gpt, TOKENIZER).generate("ab", options.withSeed(i)));
        }
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            List<Future<String>> texts = new ArrayList<>();
            for (int i = 0; i < 12; i++) {
                SamplingOptions own = options.withSeed(i);
                texts.add(threads.submit(() -> new TextGenerator(gpt, TOKENIZER).generate("ab", own)));
            }
            for (int i = 0; i < 12; i++) {
                assertEquals(expected.get(i), texts.get(i).get());
            }
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void promptsOfUnequalLengthAndSeveralSamplesAtOnce() {
        TextGenerator generator = random();
        SamplingOptions options = options().maxNewTokens(30).build(); // beyond block_size, 16
        List<String> prompts = List.of("a", "abcdefgh", "", "cabcabcabcabcabcabcabc");
        List<Completion> all = generator.generateAll(prompts, 3, options);
        assertEquals(12, all.size());
        for (int i = 0; i < 12; i++) {
            assertEquals(
                    generator.generate(prompts.get(i / 3), options.withSeed(1337 + i % 3)),
                    all.get(i).text());
        }
        assertSentence(
                "the number of samples is 0 but must be at least 1; set it",
                () -> generator.generateAll(prompts, 0, options));
    }

    @Test
    void manyMoreSamplesThanRunAtOnce() {
        TextGenerator generator = random();
        SamplingOptions options = options().maxNewTokens(5).build();
        List<Completion> all = generator.generateAll(List.of("ab", "h"), 35, options);
        for (int i = 0; i < 70; i++) {
            assertEquals(
                    generator.generate(List.of("ab", "h").get(i / 35), options.withSeed(1337 + i % 35)),
                    all.get(i).text());
        }
    }

    @Test
    void aListenerIsToldOfAllSequencesAsTheyCome() {
        TextGenerator generator = alphabet();
        SamplingOptions options = options()
                .greedy(true)
                .maxNewTokens(6)
                .stop("de", "xyz")
                .topLogProbabilities(2)
                .build();
        List<String> told = new ArrayList<>();
        List<Completion> all = generator.generateAll(
                List.of(generator.encode("a"), generator.encode("d")), 1, options, new TextGenerator.Listener() {
                    @Override
                    public void onToken(int sequence, GeneratedToken token, String text) {
                        assertEquals(token.chosen(), token.likeliest().get(0));
                        assertEquals(2, token.likeliest().size());
                        told.add(sequence + text);
                    }

                    @Override
                    public void onEnd(int sequence, String text, FinishReason reason) {
                        told.add(sequence + text + reason);
                    }
                });
        // a: b, c, d (which de may begin with), e; d: e, f, g, h, a, b
        assertEquals(List.of("0b", "1e", "0c", "1f", "0", "1g", "0", "0STOP", "1h", "1a", "1b", "1LENGTH"), told);
        assertEquals(List.of("bc", "efghab"), all.stream().map(Completion::text).toList());
        assertEquals(4, all.get(0).tokens().tokens().size());
    }

    @Test
    void whatAListenerThrowsEndsAll() {
        IllegalStateException enough = new IllegalStateException("enough");
        List<Integer> told = new ArrayList<>();
        TextGenerator generator = alphabet();
        assertEquals(
                enough,
                assertThrows(
                        IllegalStateException.class,
                        () -> generator.generateAll(
                                List.of(generator.encode("a")), 3, GREEDY, (sequence, token, text) -> {
                                    told.add(sequence);
                                    if (told.size() == 5) {
                                        throw enough;
                                    }
                                })));
        assertEquals(List.of(0, 1, 2, 0, 1), told);
    }

    @Test
    void theLikeliestAreRankedByTheModelAlone() {
        TokenGenerator generator = new TokenGenerator(RiggedModels.unigram(0.2, 0.4, 0.2, 0.2));
        SamplingOptions options =
                options().bannedIds(1).maxNewTokens(1).topLogProbabilities(9).build();
        GeneratedToken token = generator
                .generateAll(List.of(new int[] {0}), 1, options)
                .get(0)
                .tokens()
                .get(0);
        // Though 1 may not come; of equals the lower id first; and no more than there are.
        assertEquals(
                List.of(1, 0, 2, 3),
                token.likeliest().stream().map(GeneratedToken.Candidate::id).toList());
        assertEquals(Math.log(0.4), token.likeliest().get(0).logProbability(), 1e-6);
        assertSentence(
                "the log-probabilities of -1 tokens are to be kept, but that must not be negative; 5 is usual, and 0"
                        + " keeps none",
                () -> options().topLogProbabilities(-1).build());
    }

    @Test
    void logProbabilitiesAreTheModels() {
        TokenGenerator generator = new TokenGenerator(RiggedModels.unigram(0.5, 0.25, 0.125, 0.125));
        // The temperature and the filter choose, but what is told is the model's own.
        SamplingOptions options = options().temperature(3).topK(3).build();
        TokenGeneration result =
                generator.generateAll(List.of(new int[] {0}), 1, options).get(0);
        double[] expected = IntStream.of(result.ids())
                .mapToDouble(id -> Math.log(new double[] {0.5, 0.25, 0.125, 0.125}[id]))
                .toArray();
        assertArrayEquals(expected, result.logProbabilities(), 1e-6);
    }
}
