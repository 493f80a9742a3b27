package org.minigpt.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code minigpt prepare}, and training on what it makes. */
class PrepareTest {
    private static final String TEXT = "She sells sea shells by the sea shore.\n".repeat(20);

    @TempDir
    Path dir;

    private Path text;
    private Path tokens;

    @BeforeEach
    void prepare() throws IOException {
        text = Files.writeString(dir.resolve("text.txt"), TEXT);
        tokens = dir.resolve("tokens");
        Cli.Result result =
                Cli.run("prepare", "--data", text, "--out-dir", tokens).assertDone();
        // 39 characters 20 times, 14 of them different; nine tenths of 780 are 702.
        assertTrue(
                result.out()
                        .contains("14 different characters; 702 ids in " + tokens.resolve("train.bin") + ", 78 in "
                                + tokens.resolve("val.bin")),
                result.out());
    }

    @Test
    void trainsToTheSameBitsAsTheTextItself() throws IOException {
        Cli.train(text, dir.resolve("of-text")).assertDone();
        Cli.Result result = Cli.train(tokens, dir.resolve("of-tokens")).assertDone();

        assertTrue(
                result.out().contains("780 characters, 14 of them different; 702 to train, 78 to validate"),
                result.out());
        for (String name : new String[] {"model.safetensors", "tokenizer.json"}) {
            assertArrayEquals(
                    Files.readAllBytes(dir.resolve("of-text").resolve(name)),
                    Files.readAllBytes(dir.resolve("of-tokens").resolve(name)));
        }
        String expected = evaluate(text);
        assertEquals(expected.replace(text.toString(), tokens.toString()), evaluate(tokens));
    }

    private String evaluate(Path data) {
        return Cli.run("eval", "--model", dir.resolve("of-tokens"), "--data", data)
                .assertDone()
                .out();
    }

    @Test
    void tokensOfAnotherVocabulary() throws IOException {
        Path other = Files.writeString(dir.resolve("other.txt"), "abcdefghijklmn".repeat(20)); // 14 characters too
        Cli.train(other, dir.resolve("model")).assertDone();

        Cli.run("eval", "--model", dir.resolve("model"), "--data", tokens)
                .assertSentence("The token files in " + tokens + " were made with another tokenizer than the model's:"
                        + " give the text itself, or the folder that the model was trained on.");
    }

    @Test
    void idsWithoutATokenizerTakeTheSizeOfTheVocabulary() throws IOException {
        Cli.train(tokens, dir.resolve("out"), "--vocab-size", 14)
                .assertSentence("--vocab-size is for a folder of token files without a tokenizer, but " + tokens
                        + " is one with a tokenizer: leave it out.");
        Files.delete(tokens.resolve("tokenizer.json"));

        Path model = dir.resolve("ids");
        Cli.train(tokens, model, "--vocab-size", 14).assertDone();

        Cli.Result sample = Cli.run("sample", "--model", model, "--prompt", "3 1", "--max-new-tokens", 4)
                .assertDone();
        assertTrue(sample.out().strip().matches("3 1( \\d+){4}"), sample.out());
        Cli.run("eval", "--model", model, "--data", tokens).assertDone();
        Cli.run("eval", "--model", model, "--data", tokens, "--vocab-size", 9)
                .assertSentence(
                        "--vocab-size is for token files without a tokenizer, but there is that of the model or of"
                                + " --tokenizer: leave it out.");
        Cli.run("train", "--from-run", model).assertDone();
        Cli.run("sample", "--model", model, "--prompt", "To be")
                .assertSentence(
                        "'To' is no token id: this model's tokenizer is not known, so write numbers from 0 to 13"
                                + " with spaces between.");
    }

    @Test
    void truncatedFile() throws IOException {
        Path file = tokens.resolve("train.bin");
        Files.write(file, Arrays.copyOf(Files.readAllBytes(file), 1000));

        Cli.train(tokens, dir.resolve("out"))
                .assertSentence(file + " has 500 tokens, but tokens.json says 702: it is truncated or from another"
                        + " text; make the folder again with minigpt prepare.");
    }

    @Test
    void idBeyondTheVocabulary() throws IOException {
        Path file = tokens.resolve("train.bin");
        byte[] bytes = Files.readAllBytes(file);
        for (int i = 0; i < bytes.length; i += 2) {
            bytes[i] = 14;
        }
        Files.write(file, bytes);

        Cli.Result result = Cli.train(tokens, dir.resolve("out"));

        assertEquals(1, result.exitCode());
        assertTrue(
                result.err()
                        .matches("minigpt: token \\d+ of \\S+train.bin is 14, beyond the vocabulary of 14; use the"
                                + " tokenizer that made the file, or make both again with minigpt prepare\\R"),
                result.err());
    }

    @Test
    void folderWithoutTokens() {
        Cli.train(dir, dir.resolve("out"))
                .assertSentence(dir + " has no train.bin: give a text file, or a folder of token files that minigpt"
                        + " prepare or nanoGPT made.");
    }

    @Test
    void textThatIsNotThere() {
        Path none = dir.resolve("none.txt");
        Cli.run("prepare", "--data", none, "--out-dir", tokens)
                .assertSentence("There is no file " + none + ": check the path.");
    }

    @Test
    void textThatIsNoText() throws IOException {
        Path binary = Files.write(dir.resolve("binary"), new byte[] {'a', 0, 'b'});
        Cli.run("prepare", "--data", binary, "--out-dir", tokens)
                .assertSentence(binary
                        + " looks like a binary file, with a NUL byte at byte offset 1: give a UTF-8 text" + " file.");
    }
}
