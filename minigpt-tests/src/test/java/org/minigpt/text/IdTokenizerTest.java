package org.minigpt.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.minigpt.testing.Sentences.assertSentence;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IdTokenizerTest {
    private final IdTokenizer tokenizer = new IdTokenizer(50);

    @Test
    void idsAreTheirOwnText() {
        assertEquals(" 18 47 0", tokenizer.decode(18, 47, 0));
        assertArrayEquals(new int[] {18, 47, 0}, tokenizer.encode(" 18 47 0"));
        assertArrayEquals(new int[] {18, 47, 0}, tokenizer.encode("18\n47\t 0 "));
        assertArrayEquals(new int[0], tokenizer.encode("\n"));
        // As they come, one after the other, they make the same text.
        assertEquals(tokenizer.decode(18, 47), tokenizer.decode(18) + tokenizer.decode(47));
    }

    @Test
    void otherTextsAndIdsAreNamed() {
        for (String word : new String[] {"50", "-1", "a", "99999999999"}) {
            assertSentence(
                    "'" + word
                            + "' is no token id: this model's tokenizer is not known, so write numbers from 0 to 49 with"
                            + " spaces between.",
                    () -> tokenizer.encode("3 " + word));
        }
        assertSentence(
                "Token id 50 is not in the vocabulary, whose ids run from 0 to 49: decode ids of this tokenizer only.",
                () -> tokenizer.decode(1, 50));
        assertSentence("The vocabulary size must be at least 1, but is 0.", () -> new IdTokenizer(0));
    }

    @Test
    void comesBackFromItsFile(@TempDir Path dir) throws IOException {
        Path file = dir.resolve("tokenizer.json");
        tokenizer.save(file);
        assertEquals(tokenizer, Tokenizers.load(file));
        assertEquals("{\"type\":\"ids\",\"vocab_size\":50}", Files.readString(file));
    }
}
