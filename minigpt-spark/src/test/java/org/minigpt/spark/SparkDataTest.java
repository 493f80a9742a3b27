package org.minigpt.spark;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.minigpt.MiniGptException;
import org.minigpt.data.TokenFolder;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.bpe.BpeTokenizer;
import org.minigpt.text.bpe.BpeTrainer;

class SparkDataTest {
    private static JavaSparkContext context;
    private static SparkSession session;

    @TempDir
    private Path dir;

    @BeforeAll
    static void start() {
        context = Cluster.start(2);
        session = SparkSession.builder().sparkContext(context.sc()).getOrCreate();
    }

    @AfterAll
    static void stop() {
        context.stop();
    }

    /** With characters of one to four bytes, runs of spaces and lines, and a mark within the text. */
    private static String text(int words) {
        String[] some = {"the", "Katze", "sat,", "naïve", "漢字", "😀", "  ", "\n\n", "123", "\uFEFF", "don't", "é"};
        Random random = new Random(5);
        StringBuilder text = new StringBuilder("\uFEFF");
        for (int i = 0; i < words; i++) {
            text.append(some[random.nextInt(some.length)]).append(random.nextInt(3) == 0 ? "\n" : " ");
        }
        return text.toString();
    }

    private void assertSameFolder(Path here, Path there) throws IOException {
        for (String name : List.of(TokenFolder.TRAIN, TokenFolder.VALIDATION, TokenFolder.INFO, "tokenizer.json")) {
            assertArrayEquals(Files.readAllBytes(here.resolve(name)), Files.readAllBytes(there.resolve(name)), name);
        }
        try (var files = Files.list(there)) {
            assertEquals(4, files.count());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1 << 20, 70_001, 100_003})
    void preparesTheFilesOfOneMachine(int chunk) throws IOException {
        Path file = Files.writeString(dir.resolve("text"), text(60_000));
        BpeTokenizer bpe = BpeTrainer.of(text(3000)).train(300);
        for (Tokenizer tokenizer : new Tokenizer[] {null, bpe}) {
            Path here = dir.resolve("here-" + (tokenizer == null));
            TokenFolder.prepare(file, here, 0.87, tokenizer, bytes -> {});
            Path there = dir.resolve("there-" + (tokenizer == null));

            SparkTokenFolder.prepare(context, file.toString(), there.toUri().toString(), 0.87, tokenizer, chunk);

            assertSameFolder(here, there);
            TokenFolder.open(there);
        }
    }

    @Test
    void refusesWhatIsNoText() throws IOException {
        Path binary = Files.write(dir.resolve("binary"), new byte[] {65, 66, 0, 67});
        assertRefused("NUL", binary);
        assertRefused("There is no file", dir.resolve("nowhere"));
        assertRefused("leave 1", Files.writeString(dir.resolve("short"), "abc"));
    }

    private void assertRefused(String culprit, Path file) {
        String message = assertThrows(
                        MiniGptException.class,
                        () -> SparkTokenFolder.prepare(
                                context, file.toString(), dir.resolve("out").toString(), 0.5, null))
                .getMessage();
        assertTrue(message.contains(culprit), message);
        assertTrue(Files.notExists(dir.resolve("out")));
    }

    @Test
    void trainsTheTokenizerOfOneMachine() {
        String[] lines = text(20_000).split("\n");
        BpeTrainer here = new BpeTrainer("<|endoftext|>");
        List<String> texts = new ArrayList<>();
        for (String line : lines) {
            texts.add(line + "<|endoftext|>" + line);
            here.add(texts.get(texts.size() - 1)).end();
        }
        Dataset<Row> rows =
                session.createDataset(texts, Encoders.STRING()).repartition(5).toDF("text");

        assertEquals(here.train(400), SparkBpeTrainer.train(rows, "text", 400, "<|endoftext|>"));
    }
}
