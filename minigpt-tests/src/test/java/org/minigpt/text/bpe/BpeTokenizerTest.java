package org.minigpt.text.bpe;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.minigpt.cli.corpus.Corpus;
import org.minigpt.internal.text.ByteAlphabet;
import org.minigpt.text.RandomTexts;
import org.minigpt.text.bpe.BpeRules.SplitRule;

class BpeTokenizerTest {
    private static final BpeTokenizer MOBY_DICK =
            BpeTrainer.of(Corpus.of(Corpus.MOBY_DICK).text()).train(2000);

    /** Seven tokens: a 0, b 1, c 2, a space 3, ab 4, abc 5, " ab" 6. */
    private static final BpeTokenizer SMALL = BpeTokenizer.of(
            List.of("a", "b", "c", "\u0120", "ab", "abc", "\u0120ab"), List.of("a b", "ab c", "\u0120 ab"), List.of());

    @Test
    void mergesInTheOrderOfTheList() {
        // "abc": a b c -> ab c -> abc.
        assertArrayEquals(new int[] {5}, SMALL.encode("abc"));
        // " abc" is one piece: _ a b c -> _ ab c; "ab c" goes before "_ ab": _ abc, and nothing joins those.
        assertArrayEquals(new int[] {3, 5}, SMALL.encode(" abc"));
        // "abcab" -> ab c ab -> abc ab; then the piece " ab".
        assertArrayEquals(new int[] {5, 4, 6}, SMALL.encode("abcab ab"));
        assertArrayEquals(new int[] {}, SMALL.encode(""));
        assertEquals("abcab ab", SMALL.decode(5, 4, 6));
    }

    @Test
    void whatItConsistsOf() {
        assertEquals(7, SMALL.vocabSize());
        assertEquals(List.of("a", "b", "c", "\u0120", "ab", "abc", "\u0120ab"), SMALL.vocabulary());
        assertEquals(List.of("a b", "ab c", "\u0120 ab"), SMALL.merges());
        assertEquals(Map.of(), SMALL.specialTokens());
    }

    @Test
    void everyTextComesBack() {
        Random random = new Random(5);
        for (int i = 0; i < 2000; i++) {
            String text = RandomTexts.next(random, random.nextInt(60)) + (i % 3 == 0 ? "\0" : "");
            assertEquals(text, MOBY_DICK.decode(MOBY_DICK.encode(text)));
        }
        String text = Corpus.of(Corpus.MOBY_DICK).text();
        int[] ids = MOBY_DICK.encode(text);
        assertEquals(text, MOBY_DICK.decode(ids));
        assertTrue(ids.length < text.length() * 2 / 5, ids.length + " tokens");
    }

    @Test
    void allBytesComeBack() {
        Random random = new Random(6);
        for (int i = 0; i < 2000; i++) {
            byte[] bytes = new byte[random.nextInt(40)];
            random.nextBytes(bytes);
            assertArrayEquals(bytes, MOBY_DICK.decodeBytes(MOBY_DICK.encodeBytes(bytes)));
        }
        byte[] text = "a whale \uD83D\uDC0B".getBytes(UTF_8);
        assertArrayEquals(MOBY_DICK.encode("a whale \uD83D\uDC0B"), MOBY_DICK.encodeBytes(text));
    }

    @Test
    void halfOfASurrogatePairIsAQuestionMark() {
        for (String half : new String[] {"\uD83D", "\uDC0B", "\uDC0B\uD83D"}) {
            assertArrayEquals(
                    MOBY_DICK.encode("a" + "?".repeat(half.length()) + "b"), MOBY_DICK.encode("a" + half + "b"));
        }
    }

    @Test
    void aPartOfACharacterIsTheReplacementCharacter() {
        int[] ids = SMALL_BYTES.encode("\u20AC"); // three bytes, which nothing merges
        assertEquals(3, ids.length);
        assertEquals("\uFFFD", SMALL_BYTES.decode(ids[0], ids[1]));
        assertEquals("\u20AC", SMALL_BYTES.decode(ids));
    }

    private static final BpeTokenizer SMALL_BYTES = BpeTrainer.of("a").train(256);

    /** Merges a piece by looking for the least over and over: what the two ways in the library save. */
    private static int[] merged(BpeTokenizer tokenizer, String piece) {
        Map<List<String>, Integer> ranks = new HashMap<>();
        for (String merge : tokenizer.merges()) {
            ranks.put(List.of(merge.split(" ")), ranks.size());
        }
        List<String> parts = new ArrayList<>();
        for (byte b : piece.getBytes(UTF_8)) {
            parts.add(ByteAlphabet.show(new byte[] {b}));
        }
        while (true) {
            int least = Integer.MAX_VALUE;
            int at = -1;
            for (int i = 1; i < parts.size(); i++) {
                int rank = ranks.getOrDefault(parts.subList(i - 1, i + 1), Integer.MAX_VALUE);
                if (rank < least) {
                    least = rank;
                    at = i;
                }
            }
            if (at < 0) {
                break;
            }
            parts.set(at - 1, parts.get(at - 1) + parts.remove(at));
        }
        List<String> vocabulary = tokenizer.vocabulary();
        return parts.stream().mapToInt(vocabulary::indexOf).toArray();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 20, 127, 128, 129, 130, 400})
    void shortAndLongPiecesAreMergedAlike(int length) {
        Random random = new Random(7);
        for (int i = 0; i < 10; i++) {
            StringBuilder piece = new StringBuilder();
            while (piece.length() < length) {
                piece.append("etaoinshrdlwhaleship".charAt(random.nextInt(20)));
            }
            assertArrayEquals(merged(MOBY_DICK, piece.toString()), MOBY_DICK.encode(piece.toString()));
        }
        String same = "e".repeat(length);
        assertArrayEquals(merged(MOBY_DICK, same), MOBY_DICK.encode(same));
    }

    @Test
    void aLongPieceTakesNoTimeByTheSquareOfItsLength() {
        String text = "whale".repeat(60_000);
        assertEquals(text, MOBY_DICK.decode(MOBY_DICK.encode(text)));
    }

    @Test
    void aTextInManyChunksHasTheIdsOfItsParts() {
        String text = Corpus.of(Corpus.MOBY_DICK).text();
        int[] once = MOBY_DICK.encode(text);
        int[] thrice = MOBY_DICK.encode(text.repeat(3));
        assertArrayEquals(
                IntStream.range(0, 3).flatMap(i -> Arrays.stream(once)).toArray(), thrice);
    }

    @Test
    void specialTokensAreFoundInTheText() {
        BpeTokenizer tokenizer = SMALL.withSpecialTokens("<|endoftext|>", "<|a|>", "<|a|>b");
        assertEquals(10, tokenizer.vocabSize());
        assertEquals(
                List.of("<|endoftext|>", "<|a|>", "<|a|>b"),
                List.copyOf(tokenizer.specialTokens().keySet()));
        // The longest of those that begin at the same place; text before and after is split on its own.
        assertArrayEquals(new int[] {4, 7, 6, 8, 0, 9, 8}, tokenizer.encode("ab<|endoftext|> ab<|a|>a<|a|>b<|a|>"));
        assertArrayEquals(new int[] {7, 7}, tokenizer.encode("<|endoftext|><|endoftext|>"));
        assertEquals("ab<|endoftext|> ab", tokenizer.decode(4, 7, 6));
    }

    @Test
    void aSpecialTokenIsANewOne() {
        assertSentence(
                "The special token \"abc\" is a token of the vocabulary already; choose another text, such as <|abc|>.",
                () -> SMALL.withSpecialTokens("abc"));
        assertSentence(
                "The special token \"<|x|>\" is there already: leave it out.",
                () -> SMALL.withSpecialTokens("<|x|>").withSpecialTokens("<|x|>"));
    }

    @Test
    void ordinaryTextMayLookLikeASpecialToken() {
        BpeTokenizer tokenizer = MOBY_DICK.withSpecialTokens("<|endoftext|>");
        String text = "the end<|endoftext|>";
        assertArrayEquals(MOBY_DICK.encode(text), tokenizer.encodeOrdinary(text));
        assertEquals(text, tokenizer.decode(tokenizer.encodeOrdinary(text)));
        assertEquals(text, tokenizer.decode(tokenizer.encode(text)));
        assertEquals(2000, tokenizer.encode("<|endoftext|>")[0]);
    }

    @Test
    void aCutChangesNoIds() {
        BpeTokenizer tokenizer = MOBY_DICK.withSpecialTokens("<|end|>", "<| \n|>", " x y ", "x y z");
        Random random = new Random(8);
        String[] parts = {"<|end|>", "<|", "|>", " ", "\n", "x", " y", "z", "the whale", "<| \n|>", "'s", "\uD83D\uDC0B"
        };
        for (int i = 0; i < 5000; i++) {
            StringBuilder text = new StringBuilder();
            for (int n = random.nextInt(10); n >= 0; n--) {
                text.append(parts[random.nextInt(parts.length)]);
            }
            String whole = text.toString();
            int cut = tokenizer.lastCut(whole.substring(0, random.nextInt(whole.length() + 1)));
            int[] ids = IntStream.concat(
                            Arrays.stream(tokenizer.encode(whole.substring(0, cut))),
                            Arrays.stream(tokenizer.encode(whole.substring(cut))))
                    .toArray();
            assertArrayEquals(tokenizer.encode(whole), ids, whole + " cut at " + cut);
        }
        assertEquals(9, tokenizer.lastCut("the whale is"));
    }

    @Test
    void equalAreThoseWithTheSameTokensMergesAndSpecialTokens() {
        BpeTokenizer same = BpeTokenizer.of(SMALL.vocabulary(), SMALL.merges(), List.of());
        assertEquals(SMALL, same);
        assertEquals(SMALL.hashCode(), same.hashCode());
        assertNotEquals(SMALL, SMALL.withSpecialTokens("<|a|>"));
        assertNotEquals(SMALL, BpeTokenizer.of(SMALL.vocabulary(), List.of("ab c", "a b", "\u0120 ab"), List.of()));
    }

    @Test
    void aPatternThatRunsOutOfStack() {
        SplitRule deep = SplitRule.of("(?:a|b)+");
        BpeTokenizer tokenizer = SMALL.withRules(BpeRules.ofSplits(List.of(deep)));
        assertArrayEquals(SMALL.encode("abab"), tokenizer.encode("abab"));
        assertSentence(
                "A pattern that this tokenizer splits a text by, of [" + deep
                        + "], runs out of stack on a text of 1000000 characters: encode the text in parts.",
                () -> tokenizer.encode("ab".repeat(500_000)));
    }

    @Test
    void aByteWithoutAToken() {
        assertSentence(
                "The byte 0x64 of the text has no token in the vocabulary of 7 tokens, which was made without all bytes:"
                        + " take another tokenizer, or remove what holds it, such as \" abd\".",
                () -> SMALL.encode("ab abd"));
    }

    @Test
    void anIdOutsideOfTheVocabulary() {
        for (int id : new int[] {-1, 7}) {
            assertSentence(
                    "Token id " + id
                            + " at index 1 is outside the vocabulary of 7 tokens: use the tokenizer that was saved"
                            + " with the model.",
                    () -> SMALL.decode(0, id));
        }
    }

    @Test
    void whatMakesNoTokenizer() {
        assertNoTokenizer("the token \"a\" is there twice", List.of("a", "a"), List.of(), List.of());
        assertNoTokenizer("the vocabulary is empty", List.of("", ""), List.of(), List.of());
        assertNoTokenizer("the vocabulary is empty", List.of(), List.of(), List.of());
        assertNoTokenizer(
                "the token \"a \" is neither special nor written in GPT-2's characters for bytes",
                List.of("a "),
                List.of(),
                List.of());
        assertNoTokenizer(
                "the special token \"<|a|>\" is not in the vocabulary", List.of("a"), List.of(), List.of("<|a|>"));
        assertNoTokenizer(
                "the merge \"a b\" needs the token \"ab\", which is not in the vocabulary",
                List.of("a", "b"),
                List.of("a b"),
                List.of());
        assertNoTokenizer(
                "the merge \"a\" is not two tokens with a space between", List.of("a"), List.of("a"), List.of());
        assertNoTokenizer(
                "the special token \"\\ud800\" holds half of a surrogate pair",
                List.of("a", "\uD800"),
                List.of(),
                List.of("\uD800"));
    }

    private static void assertNoTokenizer(
            String problem, List<String> vocabulary, List<String> merges, List<String> special) {
        assertSentence(
                "The vocabulary makes no tokenizer: " + problem + "; correct it, or train one.",
                () -> BpeTokenizer.of(vocabulary, merges, special));
    }
}
