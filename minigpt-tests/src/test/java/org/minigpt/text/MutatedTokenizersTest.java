package org.minigpt.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.examples.corpus.Corpus;
import org.minigpt.util.Mutations;

/** Three thousand damaged files of tokenizers: each is a sentence, or a tokenizer that gives every text back. */
@Timeout(value = 30, unit = TimeUnit.MINUTES)
class MutatedTokenizersTest {
    private static final int FILES_A_FORMAT = 600;
    private static final String TEXT = "ab ha'll 12  <|endoftext|>";

    private static final BpeTokenizer BPE = new BpeTrainer("<|endoftext|>")
            .add(Corpus.of(Corpus.MOBY_DICK).text().substring(0, 2000))
            .train(280);

    @TempDir
    Path dir;

    private static void mutate(Path file, Path loaded, int header, long seed) throws IOException {
        Mutations.of(file, FILES_A_FORMAT, header, seed, any -> assertWhole(Tokenizers.load(loaded)));
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
}
