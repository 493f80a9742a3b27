package org.minigpt.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.minigpt.generate.TokenGeneration.FinishReason;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.ModelSurgery;
import org.minigpt.text.CharTokenizer;
import org.minigpt.text.bpe.BpeTokenizer;

/** Text ends where its model ends it. */
class EndOfTextTest {
    private static final CharTokenizer LETTERS = CharTokenizer.fromCorpus("abcdefgh");

    private static final SamplingOptions GREEDY =
            SamplingOptions.builder().maxNewTokens(20).greedy(true).build();

    /** {@link RiggedModels#successor} of the letters, which ends its text with some of them. */
    private static TextGenerator endingWith(Integer... ids) {
        return new TextGenerator(withEnds(RiggedModels.successor(8), ids), LETTERS);
    }

    private static Gpt withEnds(Gpt gpt, Integer... ids) {
        Gpt copy = Gpt.builder(gpt.config()).eosTokenIds(List.of(ids)).build();
        copy.flatParameters().assign(gpt.flatParameters());
        return copy;
    }

    @Test
    void everyWayToGenerateEndsThere() {
        TextGenerator generator = endingWith(6, 4);
        assertEquals("cd", generator.generate("ab", GREEDY));
        // A prompt may go on after an end, and ends again.
        assertEquals("f", generator.generate("abce", GREEDY));
        assertEquals(List.of("c", "d"), generator.stream("ab", GREEDY).toList());
        try (TextStream stream = generator.open("ab", GREEDY)) {
            stream.forEachRemaining(piece -> {});
            assertEquals(FinishReason.STOP, stream.result().finishReason());
        }
        Completion completion = generator.generateAll(List.of("ab"), 1, GREEDY).get(0);
        assertEquals("cd", completion.text());
        assertEquals(FinishReason.STOP, completion.finishReason());
        assertArrayEquals(new int[] {2, 3}, completion.tokens().ids());
        TokenGenerator tokens = new TokenGenerator(withEnds(RiggedModels.successor(8), 4));
        assertArrayEquals(new int[] {2, 3}, tokens.generate(new int[] {1}, GREEDY));
        assertArrayEquals(
                new int[] {2, 3},
                tokens.generateAll(List.of(new int[] {1}), 1, GREEDY).get(0).ids());
    }

    @Test
    void anEndAtOnceLeavesNoText() {
        Completion completion =
                endingWith(2).generateAll(List.of("ab"), 1, GREEDY).get(0);
        assertEquals("", completion.text());
        assertEquals(FinishReason.STOP, completion.finishReason());
        assertEquals("", endingWith(2).generate("ab", GREEDY));
    }

    @Test
    void itMayBeIgnoredAndOtherTokensMayEndItToo() {
        SamplingOptions ignoring = GREEDY.toBuilder().ignoreEos(true).build();
        assertEquals("cdefghabcdefghabcdef", endingWith(4).generate("ab", ignoring));
        SamplingOptions both = ignoring.toBuilder().stopIds(6).build();
        assertEquals("cdef", endingWith(4).generate("ab", both));
        assertEquals(
                "cdef",
                endingWith(4).generate("ab", both.withSeed(3).toBuilder().build()));
        assertEquals(
                "cd", endingWith(4).generate("ab", GREEDY.toBuilder().stopIds(6).build()));
    }

    @Test
    void aTokenizersEndOfTextIsOne() {
        List<String> vocabulary = List.of("a", "b", "c", BpeTokenizer.END_OF_TEXT);
        BpeTokenizer special = BpeTokenizer.of(vocabulary, List.of(), List.of(BpeTokenizer.END_OF_TEXT));
        TextGenerator generator = new TextGenerator(RiggedModels.successor(4), special);
        assertEquals(List.of(3), generator.eosTokenIds());
        assertEquals("bc", generator.generate("a", GREEDY));
        assertEquals(List.of(1, 3), new TextGenerator(withEnds(RiggedModels.successor(4), 1), special).eosTokenIds());
        assertEquals(List.of(), new TextGenerator(RiggedModels.successor(8), LETTERS).eosTokenIds());
    }

    /** The products of fewer rows add up in another order, so the logits' last bits may differ. */
    @ParameterizedTest
    @ValueSource(ints = {8, 256})
    void sequencesThatGoOnAreNotDisturbed(int nEmbd) {
        GptConfig config = GptConfig.builder()
                .vocabSize(8)
                .blockSize(64)
                .nLayer(2)
                .nHead(2)
                .nEmbd(nEmbd)
                .build();
        Gpt gpt = Gpt.create(config, 3);
        SamplingOptions options = SamplingOptions.builder().maxNewTokens(40).build();
        List<String> prompts = List.of("a", "hg", "abc");
        List<Completion> all = new TextGenerator(gpt, LETTERS).generateAll(prompts, 5, options);
        // 'h' ends it: some soon, some late, some perhaps not at all.
        List<Completion> ended = new TextGenerator(withEnds(gpt, 7), LETTERS).generateAll(prompts, 5, options);
        List<Integer> lengths = new ArrayList<>();
        for (int i = 0; i < all.size(); i++) {
            int[] ids = all.get(i).tokens().ids();
            int end = IntStream.range(0, ids.length)
                    .filter(t -> ids[t] == 7)
                    .findFirst()
                    .orElse(ids.length);
            assertArrayEquals(Arrays.copyOf(ids, end), ended.get(i).tokens().ids());
            assertArrayEquals(
                    Arrays.copyOf(all.get(i).tokens().logProbabilities(), end),
                    ended.get(i).tokens().logProbabilities(),
                    1e-5);
            lengths.add(end);
        }
        assertTrue(Collections.max(lengths) > Collections.min(lengths) + 10, lengths::toString);
    }

    @Test
    void itIsTheModelsOwn() {
        Gpt gpt = withEnds(RiggedModels.successor(8), 5, 3, 5);
        assertEquals(List.of(5, 3), gpt.eosTokenIds());
        assertEquals(List.of(5, 3), ModelSurgery.cropBlockSize(gpt, 2).eosTokenIds());
        assertEquals(List.of(5, 3), ModelSurgery.growVocabulary(gpt, 9, 1).eosTokenIds());
        assertSentence(
                "eos_token_id is 8 but must be from 0 to 7, the ids of the vocabulary; correct it",
                () -> withEnds(RiggedModels.successor(8), 8));
    }
}
