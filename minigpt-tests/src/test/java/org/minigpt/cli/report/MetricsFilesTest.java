package org.minigpt.cli.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.data.Tokens;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.text.CharTokenizer;
import org.minigpt.text.Tokenizer;
import org.minigpt.train.EvalReport;
import org.minigpt.train.Evaluator.Losses;
import org.minigpt.train.StepReport;

class MetricsFilesTest {
    /** 2 characters a token, clipping at 1, 10^6 operations a token on a machine that does 10^9 a second. */
    private static final RunScale SCALE = new RunScale(2, 1, 1e6, OptionalDouble.of(1));

    @TempDir
    Path dir;

    private static StepReport step(long iteration, double norm, long tokens, long millis) {
        return new StepReport(iteration, 2 * Math.log(2), norm, 1e-3, tokens, millis * 1_000_000);
    }

    private static EvalReport evaluation(long iteration) {
        return new EvalReport(iteration, new Losses(2 * Math.log(2), 3 * Math.log(2)), true, 1);
    }

    @Test
    void aRowTellsOfTheStepsSinceTheLast() throws IOException {
        MetricsFiles metrics = new MetricsFiles(dir, SCALE);
        metrics.onEvaluation(evaluation(0));
        metrics.onStep(step(0, 3, 20, 100));
        metrics.onStep(step(1, 0.5, 20, 300));
        metrics.onEvaluation(evaluation(2));
        metrics.onEvaluation(evaluation(2));
        metrics.begin();

        List<String> rows = Files.readAllLines(dir.resolve("metrics.csv"));
        // 2 nats / ln 2 / 2 characters is a bit. Norms of 3 and 0.5, one of them clipped. 40 tokens in 0.4 s are 100 a
        // second, which takes 10^8 operations, a tenth of the peak.
        String losses = ",1.386294,2.079442,0.0,1.000000,1.500000";
        assertEquals("0" + losses + ",,,,,", rows.get(1).replaceFirst(",0\\.\\d,", ",0.0,"));
        assertEquals(
                "2" + losses + ",0.00100000,1.75000,1,100,0.1000", rows.get(2).replaceFirst(",0\\.\\d,", ",0.0,"));
        assertEquals("2" + losses + ",,,,,", rows.get(3).replaceFirst(",0\\.\\d,", ",0.0,"));
    }

    @Test
    void nothingIsWrittenBeforeItBegins() throws IOException {
        MetricsFiles metrics = new MetricsFiles(dir, SCALE);
        metrics.onStep(step(0, 3, 20, 100));
        assertFalse(Files.exists(dir.resolve("metrics.jsonl")));
        Files.writeString(dir.resolve("metrics.jsonl"), "of an earlier run");

        metrics.begin();
        metrics.begin();

        List<String> lines = Files.readAllLines(dir.resolve("metrics.jsonl"));
        assertEquals(1, lines.size());
        assertTrue(lines.get(0).contains("\"fraction_of_peak\":0.2"), lines.get(0)); // 200 tokens a second
        assertTrue(lines.get(0).contains("\"bits_per_char\":1.0"), lines.get(0));
        assertTrue(lines.get(0).contains("\"clipped\":true"), lines.get(0));
    }

    /** Who is to stop is not to be made to forget it by a curve that is drawn. */
    @Test
    void anInterruptOutlastsTheSaving() {
        CharTokenizer tokenizer = CharTokenizer.fromCorpus("hello");
        GptConfig config = GptConfig.builder()
                .vocabSize(tokenizer.vocabSize())
                .blockSize(4)
                .nLayer(1)
                .nHead(1)
                .nEmbd(4)
                .build();
        RunFolder folder = new RunFolder(dir, "title", Gpt.create(config, 1), tokenizer, 2);
        folder.onStep(step(0, 3, 20, 100));
        Thread.currentThread().interrupt();
        folder.onEvaluation(evaluation(1));
        assertTrue(Thread.interrupted());
        assertTrue(Files.exists(dir.resolve("loss.png")));
    }

    @Test
    void charactersOfATokenAreCounted() {
        Tokenizer pairs = new Tokenizer() {
            @Override
            public int vocabSize() {
                return 2;
            }

            @Override
            public int[] encode(String text) {
                throw new UnsupportedOperationException();
            }

            @Override
            public String decode(int... ids) {
                StringBuilder text = new StringBuilder();
                for (int id : ids) {
                    text.append(id == 0 ? "abc" : "\ud83d\ude00"); // one character beyond the basic plane
                }
                return text.toString();
            }

            @Override
            public void save(Path file) {
                throw new UnsupportedOperationException();
            }
        };

        // 3 + 1 + 1 + 3 characters in 4 tokens.
        assertEquals(2, RunScale.charactersPerToken(Tokens.of(0, 1, 1, 0), pairs));
        CharTokenizer characters = CharTokenizer.fromCorpus("hello");
        assertEquals(1, RunScale.charactersPerToken(Tokens.of(characters.encode("hello")), characters));
    }
}
