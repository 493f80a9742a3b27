package org.minigpt.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.knuddels.jtokkit.Encodings;
import com.knuddels.jtokkit.api.Encoding;
import com.knuddels.jtokkit.api.EncodingType;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.cli.corpus.Corpus;
import org.minigpt.text.bpe.BpeTokenizer;

/** The vocabularies of GPT-3 to GPT-4o, beside jtokkit. */
class OpenAiVocabulariesTest {
    @TempDir
    Path dir;

    private BpeTokenizer load(String name) throws IOException {
        Path file = dir.resolve(name + ".tiktoken");
        try (InputStream in = getClass().getResourceAsStream("/com/knuddels/jtokkit/" + name + ".tiktoken")) {
            Files.copy(in, file);
        }
        return BpeTokenizer.load(file);
    }

    /** The sizes are tiktoken's n_vocab. */
    @ParameterizedTest
    @CsvSource({"P50K_BASE, 50281, 50256", "CL100K_BASE, 100277, 100257", "O200K_BASE, 200019, 199999"})
    void equalIds(EncodingType type, int vocabSize, int endOfText) throws IOException {
        Encoding jtokkit = Encodings.newDefaultEncodingRegistry().getEncoding(type);
        BpeTokenizer ours = load(type.getName());
        assertEquals(vocabSize, ours.vocabSize());
        assertEquals(endOfText, ours.endOfText().orElseThrow());
        Random random = new Random(23);
        for (int i = 0; i < 2000; i++) {
            String text = HardTexts.next(random);
            int[] ids = ours.encodeOrdinary(text);
            assertArrayEquals(jtokkit.encodeOrdinary(text).toArray(), ids, text);
            assertEquals(text, ours.decode(ids));
        }
        String text = Corpus.of(Corpus.MOBY_DICK).text().substring(0, 300_000);
        assertArrayEquals(jtokkit.encodeOrdinary(text).toArray(), ours.encodeOrdinary(text));
    }

    /** Encoding takes time in proportion to a text's length, whatever is in it: else this would not end. */
    @Test
    void longRunsOfOneKind() throws IOException {
        BpeTokenizer ours = load("cl100k_base");
        for (String part : new String[] {"a", "A", "1", " ", "\n", " \n", "'", "!", "\u0301", "a1", "\u4E2D", "\t x"}) {
            String text = part.repeat(100_000 / part.length()) + "b";
            int[] ids = ours.encode(text);
            assertEquals(text, ours.decode(ids), part);
        }
    }

    @Test
    void specialTokens() throws IOException {
        BpeTokenizer ours = load("cl100k_base");
        assertEquals(
                Map.of(
                        "<|endoftext|>", 100257,
                        "<|fim_prefix|>", 100258,
                        "<|fim_middle|>", 100259,
                        "<|fim_suffix|>", 100260,
                        "<|endofprompt|>", 100276),
                ours.specialTokens());
        // "Hello world" of tiktoken's documentation.
        assertArrayEquals(new int[] {9906, 1917, 100257}, ours.encode("Hello world<|endoftext|>"));
    }
}
