package org.minigpt.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Each kind of bad input ends with one sentence on the error stream and exit code 1. */
class BadInputTest {
    @TempDir
    static Path shared;

    private static Path goodText;
    private static Path model;

    @TempDir
    Path dir;

    @BeforeAll
    static void train() throws IOException {
        goodText = Files.writeString(shared.resolve("good.txt"), "abcdefgh".repeat(30));
        model = shared.resolve("model");
        Cli.train(goodText, model).assertDone();
    }

    private Path file(String name, byte[] content) throws IOException {
        return Files.write(dir.resolve(name), content);
    }

    private Cli.Result trainOn(byte[] content) throws IOException {
        Cli.Result result = Cli.train(file("text", content), dir.resolve("out"));
        assertFalse(Files.exists(dir.resolve("out")));
        return result;
    }

    private Cli.Result trainWith(Object... options) {
        return Cli.train(goodText, dir.resolve("out"), options);
    }

    /** A copy of the good model, to be spoilt. */
    private Path copyOfModel() throws IOException {
        Path copy = Files.createDirectory(dir.resolve("copy"));
        for (String name : new String[] {"config.json", "model.safetensors", "tokenizer.json"}) {
            Files.copy(model.resolve(name), copy.resolve(name));
        }
        return copy;
    }

    @Test
    void aClusterThatNothingProvides() {
        trainWith("--spark-master", "spark://localhost:7077")
                .assertSentence(
                        "--spark-master needs minigpt-spark, which is not there: build its jar by ./mvnw -Pspark"
                                + " -DskipTests package, and run this command by spark-submit --class org.minigpt.cli.MiniGpt with it, as"
                                + " docs/spark.md shows.");
        assertTrue(trainWith("--workers", 3)
                .err()
                .contains("--workers shapes a run on a cluster: add --spark-master, or leave it out."));
    }

    @Test
    void whatCantBeServed() {
        Cli.run("serve", "--model", dir.resolve("none"), "--port", 70000)
                .assertSentence("port is 70000 but must be from 0, any that is free, to 65535");
        Cli.run("serve", "--timeout", 0).assertSentence("--timeout is 0: it must be at least 1.");
        Cli.run("serve", "--host", "no such host")
                .assertSentence("--host is no such host, which is no address; give one, such as 127.0.0.1.");
    }

    @Test
    void emptyCorpus() throws IOException {
        trainOn(new byte[0]).assertSentence(dir.resolve("text") + " is empty: give a file with text in it.");
    }

    @Test
    void corpusOfOneCharacter() throws IOException {
        trainOn(new byte[] {'a'})
                .assertSentence(
                        "the corpus of 1 token leaves 0 for the train split at a train fraction of 0.9, but each"
                                + " split takes at least 2; give more text");
    }

    @Test
    void corpusShorterThanAWindow() throws IOException {
        // Nine tenths of 80 train, 8 validate: a window of 8 and its last target are 9.
        trainOn("abcdefgh".repeat(10).getBytes())
                .assertSentence("the validation split has 8 tokens, but a block size of 8 takes at least 9; give more"
                        + " text, or a smaller block size, at most 7");
    }

    @Test
    void binaryFile() throws IOException {
        trainOn(new byte[] {'P', 'K', 3, 4, 0, 0})
                .assertSentence(dir.resolve("text")
                        + " looks like a binary file, with a NUL byte at byte offset 4: give a UTF-8 text file.");
    }

    @Test
    void malformedUtf8() throws IOException {
        trainOn(new byte[] {'c', 'a', 'f', (byte) 0xE9, '!'})
                .assertSentence(dir.resolve("text")
                        + " is not UTF-8 text, malformed at byte offset 3 (byte 0xE9): convert it to UTF-8.");
    }

    @Test
    void missingFile() {
        Cli.run("train", "--data", dir.resolve("none.txt"))
                .assertSentence("There is no file " + dir.resolve("none.txt") + ": check the path.");
    }

    @Test
    void widthThatHeadsDoNotDivide() {
        trainWith("--n-embd", 9)
                .assertSentence("n_embd 9 is not divisible by n_head 2; choose an n_embd that is a multiple of it, such"
                        + " as 10");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--batch-size 0",
                "--block-size 0",
                "--n-layer 0",
                "--n-head 0",
                "--n-embd -8",
                "--dropout 1",
                "--embd-dropout 1",
                "--attn-dropout NaN",
                "--resid-dropout -0.1",
                "--max-iters -1",
                "--learning-rate 0",
                "--learning-rate NaN",
                "--weight-decay -1",
                "--beta1 1",
                "--beta2 -0.1",
                "--eps 0",
                "--grad-clip -1",
                "--eval-interval 0",
                "--eval-iters -1",
                "--sample-tokens -1",
                "--train-split 1",
                "--replicas 0",
                "--decay-lr --min-lr 1",
                "--decay-lr --warmup-iters 9",
            })
    void impossibleOption(String options) {
        Cli.Result result = trainWith((Object[]) options.split(" "));

        assertEquals(1, result.exitCode());
        // One sentence that names the option, as it is written here or with nanoGPT's underscores.
        assertEquals(1, result.err().lines().count(), result.err());
        String name = Arrays.stream(options.split(" "))
                .filter(word -> word.startsWith("--"))
                .reduce((first, last) -> last)
                .orElseThrow()
                .substring(2)
                .replace("train-split", "fraction");
        String message = result.err().replaceAll("[-_ ]", "");
        assertTrue(message.contains(name.replace("-", "")), result.err());
        assertFalse(Files.exists(dir.resolve("out")));
    }

    @Test
    void outDirThatIsAFile() throws IOException {
        Path file = file("taken", new byte[] {1});

        Cli.train(goodText, file)
                .assertSentence(file + " is a file, so the model can't be saved there: choose another --out-dir.");
    }

    @Test
    void divergence() {
        Cli.Result result = trainWith("--learning-rate", "1e30");

        assertEquals(1, result.exitCode());
        assertTrue(
                result.err()
                        .matches(
                                "minigpt: the (loss|norm of the gradients) is (NaN|Infinity) at iteration \\d+(, where the"
                                        + " gradient of \\S+ holds (NaN|Infinity))?; choose a"
                                        + " smaller learning rate or clip the gradients to a norm of 1\\.0\\R"),
                result.err());
    }

    @ParameterizedTest
    @ValueSource(strings = {"sample", "eval", "info"})
    void folderThatIsNotThere(String command) {
        Path none = dir.resolve("none");

        Cli.run(command, "--model", none)
                .assertSentence("There is no folder " + none + ": check the path, or train a model first.");
    }

    @ParameterizedTest
    @ValueSource(strings = {"sample", "eval", "info"})
    void folderWithoutAModel(String command) {
        Cli.run(command, "--model", dir)
                .assertSentence(dir + " is not a model's folder, it has no model.safetensors and no config.json and no"
                        + " tokenizer.json: give the folder that holds model.safetensors, config.json,"
                        + " tokenizer.json.");
    }

    @Test
    void truncatedWeights() throws IOException {
        Path copy = copyOfModel();
        Path weights = copy.resolve("model.safetensors");
        byte[] bytes = Files.readAllBytes(weights);
        Files.write(weights, Arrays.copyOf(bytes, bytes.length - 1000));

        Cli.Result result = Cli.run("sample", "--model", copy);

        assertEquals(1, result.exitCode());
        assertTrue(result.err().startsWith("minigpt: " + weights + " is truncated"), result.err());
        assertEquals(1, result.err().lines().count());
        assertEquals("", result.out());
    }

    @Test
    void tokenizerOfAnotherModel() throws IOException {
        Path copy = copyOfModel();
        Path text = file("other.txt", "abcdefghij".repeat(30).getBytes());
        Cli.train(text, dir.resolve("other")).assertDone();
        Path tokenizer = copy.resolve("tokenizer.json");
        Files.write(tokenizer, Files.readAllBytes(dir.resolve("other").resolve("tokenizer.json")));

        Cli.run("sample", "--model", copy)
                .assertSentence(tokenizer + " has 10 tokens, but the model of " + copy.resolve("config.json")
                        + " has a vocabulary of 8: use the tokenizer.json that was saved with the model.");
    }

    @Test
    void promptWithUnknownCharacters() {
        Cli.Result result = Cli.run("sample", "--model", model, "--prompt", "abXc");

        result.assertSentence("The character 'X' (U+0058) at offset 2 is not in the vocabulary of 8 characters: remove"
                + " it, have unknown characters replaced, or train on a text that holds it.");
        assertEquals("", result.out());
    }

    @Test
    void textToEvaluateWithUnknownCharacters() throws IOException {
        Path text = file("unknown.txt", "abcdefgh\u00e9".repeat(30).getBytes(UTF_8));

        Cli.run("eval", "--model", model, "--data", text)
                .assertSentence("The character '\u00e9' (U+00E9) at offset 8 is not in the vocabulary of 8 characters:"
                        + " remove it, have unknown characters replaced, or train on a text that holds it.");
    }

    @ParameterizedTest
    @ValueSource(strings = {"0.0", "-1.0", "NaN"})
    void temperatureThatIsNotPositive(String temperature) {
        Cli.run("sample", "--model", model, "--temperature", temperature)
                .assertSentence("temperature is " + temperature + " but must be positive; 0.8 is usual, and for always"
                        + " the most likely token sample greedily");
    }

    @Test
    void numbersOfSamplesAndTokens() {
        Cli.run("sample", "--model", model, "--num-samples", 0)
                .assertSentence("--num-samples is 0: it must be at least 1.");
        Cli.run("sample", "--model", model, "--max-new-tokens", -1)
                .assertSentence("max_new_tokens is -1 but must not be negative; 500 is usual");
        Cli.run("eval", "--model", model, "--eval-iters", -1)
                .assertSentence("--eval-iters is -1: it must not be negative.");
        Cli.run("eval", "--model", model, "--batch-size", 0)
                .assertSentence("--batch-size is 0: it must be at least 1.");
    }
}
