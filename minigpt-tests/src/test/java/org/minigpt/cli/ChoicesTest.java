package org.minigpt.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.io.ModelFolder;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.text.CharTokenizer;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Accuracies by a model that gives each character a probability of its own, whatever stands before it. */
class ChoicesTest {
    /** In the order of their ids. */
    private static final String CHARACTERS = " abcé";

    @TempDir
    Path dir;

    private Path model;

    @BeforeEach
    void save() {
        CharTokenizer tokenizer = CharTokenizer.fromCorpus(CHARACTERS);
        Gpt gpt = Gpt.create(
                GptConfig.builder()
                        .vocabSize(tokenizer.vocabSize())
                        .blockSize(8)
                        .nLayer(1)
                        .nHead(1)
                        .nEmbd(2)
                        .bias(Bias.LECTURE)
                        .build(),
                1);
        gpt.flatParameters().assign(0);
        INDArray bias = gpt.parameters().get("lm_head.bias");
        // log2: the space -1, a -2, b -3, c -4, é -4, which are 1 in all.
        for (int id = 0; id < CHARACTERS.length(); id++) {
            bias.putScalar(id, Math.log(2) * new int[] {-1, -2, -3, -4, -4}[id]);
        }
        model = dir.resolve("model");
        ModelFolder.save(model, gpt, tokenizer);
    }

    private Cli.Result eval(String... lines) throws IOException {
        Path file = Files.write(dir.resolve("tasks.jsonl"), java.util.List.of(lines));
        return Cli.run("eval", "--model", model, "--choices", file);
    }

    private static String question(String query, String choices, int gold) {
        return "{\"query\": \"" + query + "\", \"choices\": " + choices + ", \"gold\": " + gold + "}";
    }

    /**
     * With the space before them, log2 of "b" is -1-3 = -4, of "aaa" -1-6 = -7, of "é" -1-4 = -5, of "cc" -1-8 = -9:
     *
     * <pre>
     * b, aaa   sums -4, -7   by characters -4/1, -7/3 = -2.33   by bytes the same
     * é, b     sums -5, -4   by characters -5, -4               by bytes -5/2 = -2.5, -4
     * é, cc    sums -5, -9   by characters -5, -9/2 = -4.5      by bytes -2.5, -4.5
     * </pre>
     *
     * So the first of them is chosen in questions 1 and 3 by the sum, in none by characters, in 2 and 3 by bytes.
     */
    @Test
    void byHand() throws IOException {
        Cli.Result result = eval(
                question("ab", "[\"b\", \"aaa\"]", 0), // acc
                question("ab", "[\"b\", \"aaa\"]", 1), // acc_norm, acc_bytes
                question("ab", "[\"\\u00e9\", \"b\"]", 0), // acc_bytes
                question("ab", "[\"\\u00e9\", \"cc\"]", 0), // acc, acc_bytes
                "",
                question("ab", "[\"\\u00e9\", \"cc\"]", 1)); // acc_norm

        assertEquals(
                String.format("5 questions: acc 0.4000, acc_norm 0.4000, acc_bytes 0.6000%n"),
                result.assertDone().out());
    }

    /** The first of equal ones, as NumPy's argmax. */
    @Test
    void equalOnes() throws IOException {
        assertEquals(
                String.format("1 questions: acc 1.0000, acc_norm 1.0000, acc_bytes 1.0000%n"),
                eval(question("ab", "[\"ca\", \"ac\"]", 0)).assertDone().out());
    }

    /** A space at the end of the query is scored with the choice: once more log2 1/2. */
    @Test
    void spacesAreTheContinuations() {
        Choices choices = new Choices(ModelFolder.load(model));

        assertEquals(-4 * Math.log(2), choices.logProbability("ab", " b"), 1e-6);
        assertEquals(-5 * Math.log(2), choices.logProbability("ab ", " b"), 1e-6);
    }

    /** Of more tokens than the model has context for, the last are seen; the choice is scored whole or not at all. */
    @Test
    void longQueries() {
        Choices choices = new Choices(ModelFolder.load(model));

        assertEquals(-4 * Math.log(2), choices.logProbability("ab".repeat(20), " b"), 1e-6);
        // The space and seven times b are as many as the context has: -1-21.
        assertEquals(-22 * Math.log(2), choices.logProbability("ab".repeat(20), " bbbbbbb"), 1e-6);
    }

    @Test
    void badInputIsASentence() throws IOException {
        Path file = dir.resolve("tasks.jsonl");
        String place = file + ", line 1: ";
        eval(question("ab", "[\"bbbbbbbb\", \"b\"]", 0))
                .assertSentence(
                        "The choice \"bbbbbbbb\" has 9 tokens, more than the 8 of the model's context: shorten it.");
        eval(question("ab", "[\"b\"]", 0))
                .assertSentence(place + "a question has a query, a text, and choices, two texts or more.");
        eval("{\"choices\": [\"a\", \"b\"], \"gold\": 0}")
                .assertSentence(place + "a question has a query, a text, and choices, two texts or more.");
        eval(question(" ", "[\"a\", \"b\"]", 0))
                .assertSentence(place + "the query or a choice is empty: a model scores a text behind another.");
        eval(question("ab", "[\"a\", \"b\"]", 2))
                .assertSentence(place + "gold is 2, but must be the index of the right choice, from 0 to 1.");
        eval("").assertSentence(file + " has no questions: give a JSON object a line, with query, choices and gold.");
        Cli.Result json = eval("{");
        assertTrue(json.err().startsWith("minigpt: " + place + "it is not JSON ("), json.err());
        assertEquals(1, json.exitCode());

        Cli.Result twice = Cli.run("eval", "--model", model, "--choices", file, "--data", "moby-dick");
        assertTrue(
                twice.err().startsWith("minigpt: --choices has its own texts: leave --data or --choices out."),
                twice.err());
        assertEquals(2, twice.exitCode());
    }
}
