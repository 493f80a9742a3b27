package org.minigpt.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.cli.corpus.Corpus;
import org.minigpt.testing.Mutations;
import org.minigpt.text.bpe.BpeTokenizer;
import org.minigpt.text.bpe.BpeTrainer;
import org.minigpt.text.bpe.SentencePieces;

/** Thousands of damaged files of tokenizers: each is a sentence, or a tokenizer that gives every text back. */
@Timeout(value = 30, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class MutatedTokenizersTest {
    private static final int FILES_A_FORMAT = 600;
    private static final String TEXT = "ab ha'll 12  <|endoftext|>";

    private static final BpeTokenizer BPE = new BpeTrainer("<|endoftext|>")
            .add(Corpus.of(Corpus.MOBY_DICK).text().substring(0, 2000))
            .train(280);

    @TempDir
    Path dir;

    private static void mutate(Path file, Path loaded, int header, long seed) throws IOException {
        Mutations.of(file, Mutations.count(FILES_A_FORMAT), header, seed, any -> assertWhole(Tokenizers.load(loaded)));
    }

    private static void assertWhole(Tokenizer tokenizer) {
        int[] ids = tokenizer.encode(TEXT);
        assertEquals(TEXT, tokenizer.decode(ids));
        int[] all = new int[tokenizer.vocabSize()];
        for (int id = 0; id < all.length; id++) {
            all[id] = id;
        }
        String text = tokenizer.decode(all);
        assertEquals(text, tokenizer.decode(tokenizer.encode(text)));
        if (tokenizer instanceof BpeTokenizer bpe) {
            byte[] bytes = bpe.decodeBytes(all);
            assertArrayEquals(bytes, bpe.decodeBytes(bpe.encodeBytes(bytes)));
        }
    }

    @Test
    void bpe() throws IOException {
        Path file = dir.resolve("tokenizer.json");
        BPE.save(file);
        mutate(file, file, Integer.MAX_VALUE, 41);
    }

    @Test
    void characters() throws IOException {
        Path file = dir.resolve("tokenizer.json");
        CharTokenizer.fromCorpus(TEXT).save(file);
        mutate(file, file, Integer.MAX_VALUE, 42);
    }

    @Test
    void charactersInTheFormerFormat() throws IOException {
        Path file = dir.resolve("tokenizer.json");
        StringBuilder vocab = new StringBuilder();
        TEXT.chars()
                .sorted()
                .distinct()
                .forEach(c -> vocab.append(",\"").append((char) c).append('"'));
        Files.writeString(file, "{\"type\":\"char\",\"version\":1,\"vocab\":[" + vocab.substring(1) + "]}");
        mutate(file, file, Integer.MAX_VALUE, 43);
    }

    @Test
    void vocabularies() throws IOException {
        Tokenizers.saveAsGpt2Files(dir, BPE);
        mutate(dir.resolve("vocab.json"), dir, Integer.MAX_VALUE, 44);
    }

    @Test
    void merges() throws IOException {
        Tokenizers.saveAsGpt2Files(dir, BPE);
        mutate(dir.resolve("merges.txt"), dir, Integer.MAX_VALUE, 45);
    }

    @Test
    void configurations() throws IOException {
        Tokenizers.saveAsGpt2Files(dir, BPE);
        Path file = Files.writeString(
                dir.resolve("tokenizer_config.json"), """
                {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": false, "errors": "replace",
                 "eos_token": {"content": "<|endoftext|>", "lstrip": false}, "pad_token": "<|pad|>",
                 "added_tokens_decoder": {
                   "%d": {"content": "<|endoftext|>", "lstrip": false, "normalized": true, "rstrip": false,
                          "single_word": false, "special": true},
                   "%d": {"content": "<|pad|>", "normalized": false, "special": false}}}""".formatted(BPE.vocabSize() - 1, BPE.vocabSize()));
        mutate(file, dir, Integer.MAX_VALUE, 46);
    }

    @Test
    void specialTokensMaps() throws IOException {
        Tokenizers.saveAsGpt2Files(dir, BPE);
        Path file = Files.writeString(dir.resolve("special_tokens_map.json"), """
                {"bos_token": "<|endoftext|>", "unk_token": {"content": "<|endoftext|>", "normalized": true},
                 "additional_special_tokens": ["a", {"content": "th", "lstrip": false}]}""");
        mutate(file, dir, Integer.MAX_VALUE, 47);
    }

    @Test
    void addedTokens() throws IOException {
        Tokenizers.saveAsGpt2Files(dir, BPE);
        Path file = Files.writeString(
                dir.resolve("added_tokens.json"),
                "{\"<|pad|>\": %d, \"ab ha\": %d}".formatted(BPE.vocabSize() + 1, BPE.vocabSize()));
        mutate(file, dir, Integer.MAX_VALUE, 48);
    }

    @Test
    void ids() throws IOException {
        Path file = dir.resolve("tokenizer.json");
        new IdTokenizer(50).save(file);
        Mutations.of(file, Mutations.count(FILES_A_FORMAT), Integer.MAX_VALUE, 49, any -> {
            Tokenizer tokenizer = Tokenizers.load(file);
            assertArrayEquals(new int[] {0}, tokenizer.encode(" 0"));
        });
    }

    /** Few by default, since GPT-2's vocabulary is large. */
    @Test
    void tiktoken() throws IOException {
        Path file = Gpt2.file(dir);
        Mutations.of(file, Mutations.count(12), 400, 50, any -> Tokenizers.load(file));
    }

    /** Damaged in its patterns above all, which stand at its beginning. */
    @Test
    void splits() throws IOException {
        Path file = dir.resolve("tokenizer.json");
        Reduced.gpt4o().save(file);
        mutate(file, file, 1200, 54);
    }

    /** SentencePiece's and llama2.c's, which may be of another way with spaces when they are damaged. */
    @Test
    void pieces() throws IOException {
        SentencePieces pieces = Reduced.pieces();
        mutatePieces(
                Files.write(
                        dir.resolve("tokenizer.model"), SentencePieceFileTest.file(pieces, Map.of(3, 2), Map.of(4, 0))),
                51);
        mutatePieces(Files.write(dir.resolve("tokenizer.bin"), SentencePieceFileTest.llama2c(pieces)), 52);
        Path file = dir.resolve("tokenizer.json");
        Reduced.llama2().save(file);
        mutatePieces(file, 53);
    }

    private static void mutatePieces(Path file, long seed) throws IOException {
        Mutations.of(file, Mutations.count(FILES_A_FORMAT / 3), Integer.MAX_VALUE, seed, any -> {
            Tokenizer tokenizer = Tokenizers.load(file);
            int[] all = new int[tokenizer.vocabSize()];
            Arrays.setAll(all, id -> id);
            for (int id : tokenizer.encodeWithSpecialTokens(TEXT + tokenizer.decode(all))) {
                assertTrue(id >= 0 && id < all.length);
            }
        });
    }
}
