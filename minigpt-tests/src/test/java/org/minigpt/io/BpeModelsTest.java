package org.minigpt.io;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.MiniGptException;
import org.minigpt.data.TokenDataset;
import org.minigpt.data.TokenFolder;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.generate.TextGenerator;
import org.minigpt.generate.TextScorer;
import org.minigpt.generate.TextStream;
import org.minigpt.gguf.GgufFile;
import org.minigpt.model.Gpt;
import org.minigpt.text.CharTokenizer;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.Tokenizers;
import org.minigpt.text.bpe.BpeTokenizer;
import org.minigpt.text.bpe.BpeTrainer;
import org.nd4j.linalg.api.buffer.DataType;

/** Models with tokens that are not characters, through every file that has a tokenizer in it. */
class BpeModelsTest {
    private static final String TEXT = "the cat \uD83D\uDC08 sat on the mat \u20AC, the cat sat\n".repeat(2000);
    private static final BpeTokenizer BPE =
            new BpeTrainer(BpeTokenizer.END_OF_TEXT).add(TEXT).train(270);

    @TempDir
    Path dir;

    private final Gpt gpt = TinyModels.gpt(
            TinyModels.gpt2().toBuilder()
                    .vocabSize(BPE.vocabSize())
                    .tiedHead(true)
                    .build(),
            DataType.FLOAT);

    @Test
    void aFolder() throws IOException {
        ModelFolder.save(dir, gpt, BPE);
        ModelFolder.SavedModel saved = ModelFolder.load(dir);
        assertEquals(BPE, saved.tokenizer());
        Foreign.assertSameParameters(gpt, saved.gpt());
        assertTrue(
                Files.readString(dir.resolve("config.json")).contains("\"eos_token_id\" : " + (BPE.vocabSize() - 1)));
        assertTrue(
                Files.readString(dir.resolve("tokenizer_config.json")).contains("\"eos_token\" : \"<|endoftext|>\""));
    }

    @Test
    void aFolderWithGpt2sFiles() throws IOException {
        ModelFolder.save(dir, gpt, BPE);
        Files.delete(dir.resolve("tokenizer.json"));
        Tokenizers.saveAsGpt2Files(dir, BPE);
        assertEquals(BPE, ModelFolder.load(dir).tokenizer());
    }

    @Test
    void gguf() {
        Path file = dir.resolve("gpt.gguf");
        GgufFile.write(file, gpt, BPE);
        GgufFile.Contents contents = GgufFile.read(file);
        assertEquals(BPE, contents.tokenizer().orElseThrow());
        Foreign.assertSameParameters(gpt, contents.gpt());
    }

    /** Random parameters draw from all tokens, so most are a byte of some character. */
    @Test
    void textComesInWholeCharacters() {
        TextGenerator generator = new TextGenerator(gpt, BPE);
        SamplingOptions options = SamplingOptions.builder().maxNewTokens(200).build();
        TextStream stream = generator.open("the \uD83D\uDC08", options);
        List<String> pieces = new ArrayList<>();
        stream.forEachRemaining(pieces::add);
        String text = BPE.decode(stream.result().tokens().ids());
        // Bytes handed over one by one would be U+FFFD each.
        assertEquals(text, String.join("", pieces));
        for (String piece : pieces) {
            assertTrue(!Character.isHighSurrogate(piece.charAt(piece.length() - 1)), piece);
        }
        // A stop text ends it where it begins, though a token is but a part of it.
        String stop = text.substring(text.offsetByCodePoints(0, 20), text.offsetByCodePoints(0, 22));
        String stopped = generator.generate(
                "the \uD83D\uDC08", options.toBuilder().stop(stop).build());
        assertEquals(text.substring(0, text.indexOf(stop)), stopped);
    }

    @Test
    void bitsACharacterAreOfCharacters() {
        String text = "the cat \uD83D\uDC08 sat";
        var score = new TextScorer(gpt, BPE).score(text);
        int first = BPE.decode(BPE.encode(text)[0]).length();
        assertEquals(text.codePointCount(0, text.length()) - first, score.characters());
        double nats = score.loss() * score.ids().length;
        assertEquals(nats / Math.log(2) / score.characters(), score.bitsPerCharacter(), 1e-9);
    }

    @Test
    void tokenFiles() throws IOException {
        Path text = Files.writeString(dir.resolve("input.txt"), TEXT);
        Path folder = dir.resolve("tokens");
        TokenFolder.Opened opened = TokenFolder.prepare(text, folder, 0.9, BPE, bytes -> {});
        TokenDataset expected = TokenDataset.split(TEXT, BPE, 0.9);
        assertArrayEquals(expected.train().toArray(), opened.data().train().toArray());
        assertArrayEquals(
                expected.validation().toArray(), opened.data().validation().toArray());
        assertEquals(BPE, TokenFolder.open(folder).tokenizer());
        Files.delete(folder.resolve("tokenizer.json"));
        assertEquals(
                expected.train().length(),
                TokenFolder.open(folder, BPE).data().train().length());
    }

    @Test
    void tokenFilesHaveTwoBytesAToken() {
        CharTokenizer tokenizer = CharTokenizer.fromCorpus(
                new String(IntStream.range(0x10000, 0x20001).toArray(), 0, 65_537));
        assertSentence(
                "The tokenizer has 65537 tokens, but token files hold ids below 65536: take one with fewer.",
                () -> TokenFolder.prepare(dir.resolve("input.txt"), dir, 0.9, tokenizer, bytes -> {}));
    }

    /** A tokenizer of one's own, a token a byte, as docs/tokenizers.md shows it. */
    private record Bytes() implements Tokenizer {
        static Bytes load(Path file) {
            return new Bytes();
        }

        @Override
        public int vocabSize() {
            return 256;
        }

        @Override
        public int[] encode(String text) {
            byte[] bytes = text.getBytes(UTF_8);
            int[] ids = new int[bytes.length];
            for (int i = 0; i < ids.length; i++) {
                ids[i] = bytes[i] & 0xFF;
            }
            return ids;
        }

        @Override
        public String decode(int... ids) {
            byte[] bytes = new byte[ids.length];
            for (int i = 0; i < ids.length; i++) {
                bytes[i] = (byte) ids[i];
            }
            return new String(bytes, UTF_8);
        }

        @Override
        public void save(Path file) {
            try {
                Files.writeString(file, "{\"type\":\"bytes\"}");
            } catch (IOException e) {
                throw new MiniGptException(file + " can't be written: check the path.", e);
            }
        }
    }

    @Test
    void oneOfOnesOwn() throws IOException {
        Gpt own = TinyModels.gpt(TinyModels.gpt2().toBuilder().vocabSize(256).build(), DataType.FLOAT);
        ModelFolder.save(dir, own, new Bytes());
        assertEquals(
                new Bytes(), ModelFolder.load(dir, Gpt::builder, Bytes::load).tokenizer());
        assertSentence(
                dir.resolve("tokenizer.json")
                        + " is not a tokenizer: it has neither a \"model\", as Hugging Face's, nor the"
                        + " \"type\" \"char\"; give a tokenizer.json that was saved with a model.",
                () -> ModelFolder.load(dir));
        // Without a place to cut, a text waits for its end.
        Path text = Files.writeString(dir.resolve("input.txt"), TEXT);
        TokenFolder.Opened opened = TokenFolder.prepare(text, dir.resolve("tokens"), 0.5, new Bytes(), bytes -> {});
        assertArrayEquals(
                TokenDataset.split(TEXT, new Bytes(), 0.5).train().toArray(),
                opened.data().train().toArray());
    }
}
