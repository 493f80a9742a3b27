package org.minigpt.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.MiniGptException;

class CharTokenizerFileTest {
    private static final String REMEDY = "; give a tokenizer.json that was saved with a model.";

    @TempDir
    Path dir;

    private Path file;

    @BeforeEach
    void chooseTheFile() {
        file = dir.resolve("tokenizer.json");
    }

    /** A model of words, each a character: what HuggingFaceTokenizersTest has read by Hugging Face's own code. */
    @Test
    void theFileIsHuggingFaces() throws IOException {
        CharTokenizer.fromCorpus("b\"\n\u00E9").save(file);
        assertEquals(
                "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":[],\"normalizer\":null,"
                        + "\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"[\\\\s\\\\S]\"},"
                        + "\"behavior\":\"Isolated\",\"invert\":false},\"post_processor\":null,"
                        + "\"decoder\":{\"type\":\"Fuse\"},\"model\":{\"type\":\"WordLevel\","
                        + "\"vocab\":{\"\\n\":0,\"\\\"\":1,\"b\":2,\"\u00E9\":3},\"unk_token\":\"<unk>\"}}",
                Files.readString(file));
    }

    @Test
    void theFormerFormatIsStillRead() throws IOException {
        Files.writeString(file, "{\"type\":\"char\",\"version\":1,\"vocab\":[\"\\n\",\"\\\"\",\"b\",\"\u00E9\"]}");
        assertEquals(CharTokenizer.fromCorpus("b\"\n\u00E9"), CharTokenizer.load(file));
    }

    @Test
    void comesBackWithTheSameIds() {
        Random random = new Random(4);
        for (int i = 0; i < 100; i++) {
            String corpus = RandomTexts.next(random, 1 + random.nextInt(200)) + (i % 2 == 0 ? "\0" : "");
            CharTokenizer saved = CharTokenizer.fromCorpus(corpus);
            saved.save(file);

            CharTokenizer loaded = CharTokenizer.load(file);

            assertEquals(saved.vocabulary(), loaded.vocabulary());
            assertArrayEquals(saved.encode(corpus), loaded.encode(corpus));
        }
    }

    @Test
    void theReplacementIsNotSaved() {
        CharTokenizer.fromCorpus("ab").replacingUnknownWith("a").save(file);
        assertSentence(
                "The character 'c' (U+0063) at offset 0 is not in the vocabulary of 2 characters: remove it, have"
                        + " unknown characters replaced, or train on a text that holds it.",
                () -> CharTokenizer.load(file).encode("c"));
    }

    @Test
    void missing() {
        assertSentence("There is no file " + file + ": check the path.", () -> CharTokenizer.load(file));
    }

    @Test
    void empty() throws IOException {
        Files.createFile(file);
        assertSentence(file + " is empty: give a file with text in it.", () -> CharTokenizer.load(file));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                // the content                                          | what the sentence says of it
                "{\"type\":\"char\",\"version\":1,\"vocab\":[\"a\",\"b   | is truncated, its JSON ends too early",
                "not JSON                                                | is not valid JSON (line 1, column 1)",
                "~{}\n}~                                                 | is not valid JSON (line 2, column 1)",
                "{\"type\":\"char\",\"type\":\"char\"}                   | is not valid JSON (line 1, column 22)",
                "[\"a\"]                                                 | is JSON, but not an object",
                "~  ~                                                    | is JSON, but not an object",
                "{}                                                      | is not a tokenizer: it has neither a \"model\", as Hugging Face's, nor the \"type\" \"char\"",
                "{\"type\":\"bpe\"}                                      | is not a tokenizer: it has neither a \"model\", as Hugging Face's, nor the \"type\" \"char\"",
                "{\"type\":1}                                            | is not a tokenizer: it has neither a \"model\", as Hugging Face's, nor the \"type\" \"char\"",
                "{\"type\":\"char\",\"version\":1}                       | is damaged: it has no array \"vocab\"",
                "{\"type\":\"char\",\"version\":1,\"vocab\":\"ab\"}      | is damaged: it has no array \"vocab\"",
                "{\"type\":\"char\",\"version\":1,\"vocab\":[]}          | is damaged: it has an empty \"vocab\"",
                "{\"type\":\"char\",\"version\":1,\"vocab\":[\"a\",\"bc\"]} | is damaged: it has \"bc\" at index 1 of \"vocab\", which is not a character",
                "{\"type\":\"char\",\"version\":1,\"vocab\":[\"\"]}      | is damaged: it has \"\" at index 0 of \"vocab\", which is not a character",
                "{\"type\":\"char\",\"version\":1,\"vocab\":[\"a\",98]}  | is damaged: it has 98 at index 1 of \"vocab\", which is not a character",
                "{\"type\":\"char\",\"version\":1,\"vocab\":[\"a\",\"b\",\"a\"]} | is damaged: it has the character 'a' (U+0061) twice in \"vocab\"",
            })
    void notATokenizer(String content, String sentence) throws IOException {
        Files.writeString(file, content);
        assertSentence(file + " " + sentence + REMEDY, () -> CharTokenizer.load(file));
    }

    /** As others order them: ids are places in the vocabulary. */
    @Test
    void charactersInAnyOrder() throws IOException {
        Files.writeString(
                file, "{\"type\":\"char\",\"version\":1,\"vocab\":[\"\uD83D\uDE00\",\"b\",\"\u00E9\",\"a\"]}");
        CharTokenizer tokenizer = CharTokenizer.load(file);
        assertArrayEquals(new int[] {3, 1, 0, 2}, tokenizer.encode("ab\uD83D\uDE00\u00E9"));
        assertEquals("ab\uD83D\uDE00\u00E9", tokenizer.decode(3, 1, 0, 2));
        assertThrows(MiniGptException.class, () -> tokenizer.encode("\uD83D\uDE01"));
        tokenizer.save(file);
        assertEquals(tokenizer, CharTokenizer.load(file));
    }

    @Test
    void halfASurrogatePairIsNotACharacter() throws IOException {
        Files.writeString(file, "{\"type\":\"char\",\"version\":1,\"vocab\":[\"\\ud800\"]}");
        String message = assertThrows(MiniGptException.class, () -> CharTokenizer.load(file))
                .getMessage();
        assertTrue(message.startsWith(file + " is damaged: it has \""), message);
        assertTrue(message.endsWith("\" at index 0 of \"vocab\", which is not a character" + REMEDY), message);
    }

    @ParameterizedTest
    @CsvSource({"2,2", "'\"1\"','\"1\"'", "1.5,1.5", "null,null"})
    void anotherVersion(String version, String shown) throws IOException {
        Files.writeString(file, "{\"type\":\"char\",\"version\":" + version + ",\"vocab\":[\"a\"]}");
        assertSentence(
                file + " is a character tokenizer of version " + shown
                        + ", but this program reads version 1: use the program that saved it.",
                () -> CharTokenizer.load(file));
    }

    @Test
    void aLongValueIsShortened() throws IOException {
        Files.writeString(file, "{\"type\":\"char\",\"version\":1,\"vocab\":[\"" + "x".repeat(1000) + "\"]}");
        assertSentence(
                file + " is damaged: it has \"" + "x".repeat(40) + "...\" at index 0 of \"vocab\", which is not a"
                        + " character" + REMEDY,
                () -> CharTokenizer.load(file));
    }

    @Test
    void noBeginningOfTheFileIsTakenForAll() throws IOException {
        CharTokenizer.fromCorpus("ab\u00E9\uD83D\uDE00").save(file);
        byte[] whole = Files.readAllBytes(file);
        for (int length = 0; length < whole.length; length++) {
            Files.write(file, Arrays.copyOf(whole, length));
            String message = assertThrows(MiniGptException.class, () -> CharTokenizer.load(file))
                    .getMessage();
            assertTrue(message.startsWith(file + " is "), message);
        }
    }

    @Test
    void aDamagedByteIsAnErrorOrAnotherVocabularyButNothingElse() throws IOException {
        CharTokenizer.fromCorpus("ab\u00E9\uD83D\uDE00").save(file);
        byte[] whole = Files.readAllBytes(file);
        int errors = 0;
        for (int i = 0; i < whole.length; i++) {
            for (int bit = 0; bit < 8; bit += 3) {
                byte[] damaged = whole.clone();
                damaged[i] ^= (byte) (1 << bit);
                Files.write(file, damaged);
                try {
                    assertEquals(4, CharTokenizer.load(file).vocabSize());
                } catch (MiniGptException e) {
                    errors++;
                    assertTrue(e.getMessage().startsWith(file + " "), e.getMessage());
                }
            }
        }
        assertTrue(errors > whole.length * 3 / 2, "only " + errors + " of " + whole.length * 3 + " damages were seen");
    }
}
