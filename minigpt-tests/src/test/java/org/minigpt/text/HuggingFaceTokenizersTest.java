package org.minigpt.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.cli.corpus.Corpus;
import org.minigpt.text.bpe.BpeTokenizer;
import org.minigpt.text.bpe.BpeTrainer;

/** Hugging Face's own tokenizers, in Rust, read what this library writes, and have the same ids and texts. */
class HuggingFaceTokenizersTest {
    private static final String MOBY_DICK = Corpus.of(Corpus.MOBY_DICK).text();

    @TempDir
    Path dir;

    private HuggingFaceTokenizer open(Tokenizer tokenizer) throws IOException {
        Path file = dir.resolve("tokenizer.json");
        tokenizer.save(file);
        return HuggingFaceTokenizer.newInstance(file, Map.of("truncation", "false"));
    }

    private static int[] ids(HuggingFaceTokenizer tokenizer, String text) {
        Encoding encoding = tokenizer.encode(text, false, false);
        return Arrays.stream(encoding.getIds()).mapToInt(Math::toIntExact).toArray();
    }

    private static long[] longs(int[] ids) {
        return Arrays.stream(ids).asLongStream().toArray();
    }

    @Test
    void bpe() throws IOException {
        BpeTokenizer ours =
                new BpeTrainer("<|endoftext|>", "<|x y|>").add(MOBY_DICK).train(2000);
        assertSame(ours, MOBY_DICK.substring(0, 300_000));
    }

    @Test
    void gpt2() throws IOException {
        assertSame(Gpt2.tokenizer(dir), MOBY_DICK.substring(300_000, 600_000));
    }

    private void assertSame(BpeTokenizer ours, String corpus) throws IOException {
        try (HuggingFaceTokenizer theirs = open(ours)) {
            assertArrayEquals(ours.encode(corpus), ids(theirs, corpus));
            Random random = new Random(31);
            for (int i = 0; i < 1000; i++) {
                String text = RandomTexts.next(random, random.nextInt(40));
                if (i % 4 == 0) {
                    text = text + "  <|endoftext|> <|x y|><|endoftext|>it's" + text;
                }
                int[] ids = ours.encode(text);
                assertArrayEquals(ids, ids(theirs, text), text);
                assertEquals(text, theirs.decode(longs(ids), false));
                int[] any = random.ints(10, 0, ours.vocabSize()).toArray();
                assertEquals(ours.decode(any), theirs.decode(longs(any), false));
            }
        }
    }

    @Test
    void characters() throws IOException {
        String more = "\0\r\n\t\u00E9e\u0301\u2028\uD83D\uDE00\uD83D\uDC68\u200D\uD83D\uDC69\uFFFD";
        CharTokenizer ours = CharTokenizer.fromCorpus(MOBY_DICK + more);
        try (HuggingFaceTokenizer theirs = open(ours)) {
            String text = MOBY_DICK.substring(0, 100_000) + more + more;
            int[] ids = ours.encode(text);
            assertArrayEquals(ids, ids(theirs, text));
            assertEquals(text, theirs.decode(longs(ids), false));
            // An unknown character is an error there, too.
            assertThrows(RuntimeException.class, () -> theirs.encode("\u4E2D"));
        }
    }
}
