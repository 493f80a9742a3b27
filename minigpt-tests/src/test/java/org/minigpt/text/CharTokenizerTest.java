package org.minigpt.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CharTokenizerTest {
    private final CharTokenizer hello = CharTokenizer.fromCorpus("hello");

    @Test
    void theVocabularyIsTheSortedSetOfCharacters() {
        // h e l o, sorted: e h l o
        assertEquals("ehlo", hello.vocabulary());
        assertEquals(4, hello.vocabSize());
        assertArrayEquals(new int[] {1, 0, 2, 2, 3}, hello.encode("hello"));
        assertEquals("hole", hello.decode(1, 3, 2, 0));
    }

    @Test
    void anEmptyTextHasNoTokens() {
        assertArrayEquals(new int[0], hello.encode(""));
        assertEquals("", hello.decode());
    }

    @Test
    void charactersOutsideTheBasicPlaneAreOneToken() {
        // U+0061 < U+FF5E < U+1F600: by code point; by UTF-16 unit the emoji's 0xD83D would come before 0xFF5E.
        CharTokenizer tokenizer = CharTokenizer.fromCorpus("\uD83D\uDE00a\uFF5E");
        assertEquals("a\uFF5E\uD83D\uDE00", tokenizer.vocabulary());
        assertArrayEquals(new int[] {2, 2, 0, 1}, tokenizer.encode("\uD83D\uDE00\uD83D\uDE00a\uFF5E"));
        assertEquals("\uD83D\uDE00a", tokenizer.decode(2, 0));
    }

    @Test
    void aVocabularyWithoutBasicCharacters() {
        CharTokenizer tokenizer = CharTokenizer.fromCorpus("\uD83D\uDE01\uD83D\uDE00");
        assertArrayEquals(new int[] {0, 1}, tokenizer.encode("\uD83D\uDE00\uD83D\uDE01"));
        assertSentence(
                "The character 'a' (U+0061) at offset 0 is not in the vocabulary of 2 characters: remove it, have"
                        + " unknown characters replaced, or train on a text that holds it.",
                () -> tokenizer.encode("a"));
    }

    @Test
    void anyTextOfTheVocabularyComesBack() {
        Random random = new Random(3);
        for (int i = 0; i < 200; i++) {
            String corpus = RandomTexts.next(random, 1 + random.nextInt(200));
            CharTokenizer tokenizer = CharTokenizer.fromCorpus(corpus);
            // The definition, in collections: the rank of each character among the distinct ones.
            List<Integer> sorted =
                    List.copyOf(corpus.codePoints().boxed().collect(Collectors.toCollection(TreeSet::new)));

            int[] ids = tokenizer.encode(corpus);

            assertEquals(sorted.size(), tokenizer.vocabSize());
            assertArrayEquals(corpus.codePoints().map(sorted::indexOf).toArray(), ids);
            assertEquals(corpus, tokenizer.decode(ids));
            int[] any = random.ints(100, 0, tokenizer.vocabSize()).toArray();
            assertArrayEquals(any, tokenizer.encode(tokenizer.decode(any)));
        }
    }

    @ParameterizedTest
    @CsvSource({
        // what is printable is shown, the rest would hide or disturb the message
        "0x58,    'X' (U+0058)",
        "0xE9,    'é' (U+00E9)",
        "0x1F600, '\uD83D\uDE00' (U+1F600)",
        "0x0A,    U+000A",
        "0x20,    U+0020",
        "0x301,   U+0301", // a combining accent
        "0x202E,  U+202E", // turns the writing direction
        "0xE000,  U+E000", // private use
        "0xD800,  U+D800", // half of a surrogate pair
        "0xDFFF,  U+DFFF",
    })
    void anUnknownCharacterIsNamedWithItsOffset(int character, String shown) {
        // Two characters stand before it, of which the first takes two chars: offsets count characters.
        CharTokenizer tokenizer = CharTokenizer.fromCorpus("\uD83D\uDE02ab");
        assertSentence(
                "The character " + shown + " at offset 2 is not in the vocabulary of 3 characters: remove it, have"
                        + " unknown characters replaced, or train on a text that holds it.",
                () -> tokenizer.encode("\uD83D\uDE02a" + Character.toString(character) + "b"));
    }

    @Test
    void unknownCharactersAreReplacedIfTheCallerAsks() {
        CharTokenizer replacing = hello.replacingUnknownWith("o");
        assertArrayEquals(new int[] {1, 3, 3, 3, 0}, replacing.encode("hX\uD83D\uDE00\uD800e"));
        assertEquals("hoooe", replacing.decode(replacing.encode("hX\uD83D\uDE00\uD800e")));
        assertEquals("ehlo", replacing.vocabulary());
        // The original is unchanged.
        assertSentence(
                "The character 'X' (U+0058) at offset 1 is not in the vocabulary of 4 characters: remove it, have"
                        + " unknown characters replaced, or train on a text that holds it.",
                () -> hello.encode("hX"));
    }

    @Test
    void theReplacementMustBeOneCharacterOfTheVocabulary() {
        assertSentence(
                "The replacement '?' (U+003F) for unknown characters is not in the vocabulary of 4 characters itself:"
                        + " choose one that is.",
                () -> hello.replacingUnknownWith("?"));
        assertSentence(
                "The replacement for unknown characters must be one character, but \"he\" has 2: choose one.",
                () -> hello.replacingUnknownWith("he"));
        assertSentence(
                "The replacement for unknown characters must be one character, but \"\" has 0: choose one.",
                () -> hello.replacingUnknownWith(""));
    }

    @Test
    void idsOutsideTheVocabularyAreNamed() {
        assertSentence(
                "Token id 4 at index 1 is outside the vocabulary of 4 characters: use the tokenizer that was saved with"
                        + " the model.",
                () -> hello.decode(3, 4));
        assertSentence(
                "Token id -1 at index 0 is outside the vocabulary of 4 characters: use the tokenizer that was saved"
                        + " with the model.",
                () -> hello.decode(-1));
    }

    @Test
    void anEmptyCorpusHasNoVocabulary() {
        assertSentence(
                "The corpus is empty, so it has no vocabulary: give a text.", () -> CharTokenizer.fromCorpus(""));
    }

    @Test
    void aCorpusWithHalfASurrogatePairIsRefused() {
        assertSentence(
                "The corpus holds U+DC00 at offset 2, half of a surrogate pair and no character: read the text from a"
                        + " UTF-8 file, or remove it.",
                () -> CharTokenizer.fromCorpus("a\uD83D\uDE00\uDC00b"));
        assertSentence(
                "The corpus holds U+D800 at offset 1, half of a surrogate pair and no character: read the text from a"
                        + " UTF-8 file, or remove it.",
                () -> CharTokenizer.fromCorpus("a\uD800"));
    }
}
