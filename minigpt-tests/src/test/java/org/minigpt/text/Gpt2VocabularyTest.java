package org.minigpt.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import com.knuddels.jtokkit.Encodings;
import com.knuddels.jtokkit.api.Encoding;
import com.knuddels.jtokkit.api.EncodingType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.cli.corpus.Corpus;
import org.minigpt.cli.corpus.TinyShakespeare;
import org.minigpt.data.TokenDataset;
import org.minigpt.text.bpe.BpeTokenizer;

/** GPT-2's own tokens, beside those of jtokkit. */
class Gpt2VocabularyTest {
    private static final Encoding JTOKKIT =
            Encodings.newDefaultEncodingRegistry().getEncoding(EncodingType.R50K_BASE);

    @TempDir
    static Path shared;

    @TempDir
    Path dir;

    private static BpeTokenizer gpt2;

    @BeforeAll
    static void load() throws IOException {
        gpt2 = Gpt2.tokenizer(shared);
    }

    private static void assertAsJtokkit(String text) {
        assertArrayEquals(JTOKKIT.encodeOrdinary(text).toArray(), gpt2.encodeOrdinary(text), text);
    }

    @Test
    void isGpt2s() {
        assertEquals(50_257, gpt2.vocabSize());
        assertEquals(50_000, gpt2.merges().size());
        // The first lines of GPT-2's merges.txt, and its last one.
        assertEquals(
                List.of("\u0120 t", "\u0120 a", "h e", "i n", "r e", "o n", "\u0120t he"),
                gpt2.merges().subList(0, 7));
        assertEquals("\u0120g azed", gpt2.merges().get(49_999));
        assertEquals(Map.of("<|endoftext|>", 50_256), gpt2.specialTokens());
        // From the documentation of Hugging Face's GPT2Tokenizer.
        assertArrayEquals(new int[] {15496, 995}, gpt2.encode("Hello world"));
        assertArrayEquals(new int[] {18435, 995}, gpt2.encode(" Hello world"));
        assertArrayEquals(new int[] {15496, 50_256, 995}, gpt2.encode("Hello<|endoftext|> world"));
    }

    @Test
    void mobyDick() {
        String text = Corpus.of(Corpus.MOBY_DICK).text();
        assertAsJtokkit(text);
        assertEquals(text, gpt2.decode(gpt2.encode(text)));
    }

    /** The figures of nanoGPT's data/shakespeare. */
    @Test
    void tinyShakespeare() {
        assumeTrue(TinyShakespeare.isCached(), "Tiny Shakespeare has not been downloaded");
        String text = Corpus.of(Corpus.SHAKESPEARE).text();
        assertEquals(338_025, gpt2.encode(text).length);
        assertAsJtokkit(text);
        TokenDataset data = TokenDataset.split(text, gpt2, 0.9);
        assertEquals(301_966, data.train().length());
        assertEquals(36_059, data.validation().length());
    }

    @Test
    void anyTextEvenBrokenOnes() {
        Random random = new Random(21);
        // First and last of each range: controls, Latin, combining marks, Hebrew and Arabic, Devanagari, signs and
        // spaces,
        // CJK, surrogates alone, emoji, planes beyond, unassigned ones.
        int[][] ranges = {
            {0, 0x1F},
            {0x20, 0x7E},
            {0x7F, 0xA0},
            {0xA1, 0x2FF},
            {0x300, 0x36F},
            {0x590, 0x6FF},
            {0x900, 0x97F},
            {0x1680, 0x1680},
            {0x2000, 0x206F},
            {0x3000, 0x30FF},
            {0x4E00, 0x9FFF},
            {0xD800, 0xDFFF},
            {0xFE00, 0xFFFF},
            {0x1F300, 0x1FAFF},
            {0x10000, 0x10FFFF}
        };
        for (int i = 0; i < 5000; i++) {
            StringBuilder text = new StringBuilder();
            int[] mostly = ranges[random.nextInt(ranges.length)];
            for (int n = random.nextInt(40); n >= 0; n--) {
                int[] range = random.nextInt(3) == 0 ? ranges[random.nextInt(ranges.length)] : mostly;
                text.appendCodePoint(range[0] + random.nextInt(range[1] - range[0] + 1));
            }
            assertAsJtokkit(text.toString());
        }
    }

    @Test
    void wordsOfItsOwnInAnyOrder() {
        Random random = new Random(22);
        for (int i = 0; i < 2000; i++) {
            int[] ids = random.ints(1 + random.nextInt(20), 0, 50_256).toArray();
            String text = gpt2.decode(ids);
            assertAsJtokkit(text);
        }
    }

    @Test
    void aLongWordAndMuchWhiteSpace() {
        assertAsJtokkit("antidisestablishmentarianism".repeat(50));
        assertAsJtokkit(" ".repeat(1000) + "a" + "\n".repeat(333));
    }

    @Test
    void readsNoOtherVocabulary() throws IOException {
        Path file = Files.writeString(dir.resolve("cl100k_base.tiktoken"), "IQ== 0\nIg== 1\n");
        assertSentence(
                file
                        + " has 2 tokens, and is none of those that MiniGPT knows: give one of r50k_base (50256), p50k_base"
                        + " (50280), cl100k_base (100256), o200k_base (199998).",
                () -> BpeTokenizer.load(file));
        Files.writeString(file, "IQ== 0\n" + "Ig== 0\n".repeat(50_255));
        assertSentence(
                file + " is damaged: line 2 is not a token in Base64 and its rank, 1 or the next; get it again.",
                () -> BpeTokenizer.load(file));
    }
}
