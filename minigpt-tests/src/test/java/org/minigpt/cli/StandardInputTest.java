package org.minigpt.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The standard input is read as strictly as a file, by every command that reads it. */
class StandardInputTest {
    private static final byte[] MALFORMED = {'a', 'b', (byte) 0xFF, '\n'};

    @TempDir
    static Path dir;

    private static Path model;
    private static Path ofOneLine;

    @BeforeAll
    static void train() throws IOException {
        model = dir.resolve("model");
        Cli.train(Files.writeString(dir.resolve("text.txt"), "ab 01\n".repeat(60)), model)
                .assertDone();
        ofOneLine = dir.resolve("one-line");
        Cli.train(Files.writeString(dir.resolve("line.txt"), "abcd".repeat(60)), ofOneLine)
                .assertDone();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "score --model MODEL --file -",
                "sample --model MODEL --max-new-tokens 1 --prompt-file -",
                "tokenizer encode --tokenizer MODEL --data -",
                "tokenizer decode --tokenizer MODEL --file -",
            })
    void asAFile(String args) {
        Object[] words = args.replace("MODEL", model.toString()).split(" ");

        Cli.runWith(MALFORMED, words)
                .assertSentence("the standard input is not UTF-8 text, malformed at byte offset 2 (byte 0xFF): convert"
                        + " it to UTF-8.");
        Cli.runWith(new byte[0], words).assertSentence("the standard input is empty: give a file with text in it.");
        Cli.runWith(new byte[] {'a', 0}, words)
                .assertSentence("the standard input looks like a binary file, with a NUL byte at byte offset 1: give a"
                        + " UTF-8 text file.");
        Cli.Result marked = Cli.runWith("\uFEFF1 0 1".getBytes(UTF_8), words).assertDone();
        assertEquals(Cli.runWith("1 0 1".getBytes(UTF_8), words).assertDone().out(), marked.out());
    }

    @Test
    void linesOfAChat() {
        Object[] chat = {"chat", "--model", model, "--max-new-tokens", 3};
        assertEquals(
                Cli.runWith("ab\n/show\n".getBytes(UTF_8), chat).assertDone().out(),
                Cli.runWith("\uFEFFab\n/show\n".getBytes(UTF_8), chat)
                        .assertDone()
                        .out());
        Cli.runWith(MALFORMED, chat).assertSentence("the standard input is not UTF-8 text: convert it to UTF-8.");
        Cli.runWith(new byte[] {'a', 0, '\n'}, chat)
                .assertSentence("the standard input has a NUL byte, so it is no text: give UTF-8 text.");
    }

    /** A model that has no new line takes lines without. */
    @Test
    void aChatWithAModelOfOneLine() {
        String out = Cli.runWith("abc\nd\n/show\n".getBytes(UTF_8), "chat", "--model", ofOneLine, "--max-new-tokens", 2)
                .assertDone()
                .out();
        assertFalse(out.contains("vocabulary"), out);
        assertTrue(out.lines().anyMatch(line -> line.matches("abc[abcd]{2}d[abcd]{2}")), out);
    }

    @Test
    void idsThatAreNone() {
        Cli.run("tokenizer", "decode", "--tokenizer", model, "99999999999")
                .assertSentence(
                        "the command line has 99999999999 at index 0, which is no token's: give ids from 0 to 5.");
        Cli.runWith("1 x".getBytes(UTF_8), "tokenizer", "decode", "--tokenizer", model, "--file", "-")
                .assertSentence("the standard input has x at index 1, which is not a token id: give whole numbers with"
                        + " white space between them.");
    }

    @Test
    void tokensThatCannotBeBanned() {
        Cli.run("sample", "--model", ofOneLine, "--ban", 4)
                .assertSentence("--ban is 4, but the ids of the model run from 0 to 3: give one of these, or leave it"
                        + " out.");
        Cli.run("sample", "--model", ofOneLine, "--ban", 0, "--ban", 1, "--ban", 2, "--ban", 3, "--max-new-tokens", 0)
                .assertSentence("--ban forbids all 4 tokens of the model: leave some out.");
    }
}
