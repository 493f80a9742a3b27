package org.minigpt.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.text.bpe.BpeTokenizer;

/** {@code minigpt tokenizer}, and the other commands with what it makes. */
class TokenizerCommandTest {
    private static final String TEXT = "She sells sea shells by the sea shore: \u20AC 5.\n".repeat(60);

    @TempDir
    Path dir;

    private Path text;
    private Path tokens;

    @BeforeEach
    void train() throws IOException {
        text = Files.writeString(dir.resolve("text.txt"), TEXT);
        tokens = dir.resolve("tokens");
        Cli.Result result = Cli.run(
                        "tokenizer",
                        "train",
                        "--data",
                        text,
                        "--vocab-size",
                        270,
                        "--special-token",
                        "<|endoftext|>",
                        "--out",
                        tokens)
                .assertDone();
        assertTrue(result.out().contains("270 tokens in " + tokens), result.out());
    }

    @Test
    void encodesAndDecodes() throws IOException {
        String ids = Cli.run("tokenizer", "encode", "--tokenizer", tokens, "--data", text)
                .assertDone()
                .out();
        Path file = Files.writeString(dir.resolve("ids.txt"), ids);
        String back = Cli.run("tokenizer", "decode", "--tokenizer", tokens, "--file", file)
                .assertDone()
                .out();
        assertEquals(TEXT, back);
        String special = Cli.run("tokenizer", "encode", "--tokenizer", tokens, "--text", "!<|endoftext|>")
                .assertDone()
                .out();
        assertEquals("0 269", special.strip());
        String count = Cli.run("tokenizer", "encode", "--tokenizer", tokens, "--data", text, "--count")
                .assertDone()
                .out();
        assertTrue(count.startsWith(String.format(Locale.ROOT, "%,d tokens, ", ids.split(" ").length)), count);
    }

    @Test
    void tokensAroundAText() {
        Path file = dir.resolve("around.json");
        BpeTokenizer plain = BpeTokenizer.load(tokens);
        plain.withRules(plain.rules().withAround(List.of(269), List.of(269))).save(file);
        assertEquals(
                "269 0 269",
                Cli.run("tokenizer", "encode", "--tokenizer", file, "--text", "!", "--special-tokens")
                        .assertDone()
                        .out()
                        .strip());
        assertEquals(
                "0",
                Cli.run("tokenizer", "encode", "--tokenizer", file, "--text", "!")
                        .assertDone()
                        .out()
                        .strip());
    }

    @Test
    void aModelIsTrainedOnItsTokens() throws IOException {
        Path out = dir.resolve("out");
        Cli.Result result = Cli.train(text, out, "--tokenizer", tokens).assertDone();
        assertTrue(result.out().contains("tokens of a vocabulary of 270;"), result.out());
        Cli.run("sample", "--model", out, "--max-new-tokens", 5, "--prompt", "\u20AC")
                .assertDone();
        String info = Cli.run("info", "--model", out).assertDone().out();
        assertTrue(info.contains("byte-level BPE") && info.contains("269 <|endoftext|>"), info);
        // The run is repeated with the tokenizer beside its model, wherever the first one is.
        Files.move(tokens, dir.resolve("elsewhere"));
        Cli.run("train", "--from-run", out).assertDone();
        assertEquals(-1, Files.mismatch(out.resolve("model.safetensors"), dir.resolve("out-again/model.safetensors")));
    }

    @Test
    void tokenFilesAreMadeWithIt() {
        Path files = dir.resolve("files");
        Cli.Result result = Cli.run("prepare", "--data", text, "--out-dir", files, "--tokenizer", tokens)
                .assertDone();
        assertTrue(result.out().contains("270 different tokens; "), result.out());
        Cli.train(files, dir.resolve("out")).assertDone();
    }

    @Test
    void badInput() throws IOException {
        Cli.run("tokenizer", "encode", "--tokenizer", dir, "--text", "a")
                .assertSentence(dir
                        + " has no tokenizer, neither tokenizer.json nor tokenizer.model nor vocab.json with merges.txt:"
                        + " give the folder or the file of one.");
        Cli.run("tokenizer", "train", "--data", text, "--vocab-size", 100, "--out", dir.resolve("small"))
                .assertSentence(
                        "A vocabulary of 100 tokens is too small: it takes 256 for the 256 bytes and the special"
                                + " tokens alone.");
        Path file = Files.writeString(dir.resolve("ids.txt"), "1 two");
        Cli.run("tokenizer", "decode", "--tokenizer", tokens, "--file", file)
                .assertSentence(
                        file + " has two at index 1, which is not a token id: give whole numbers with white space"
                                + " between them.");
        Cli.run("tokenizer", "decode", "--tokenizer", tokens, "270")
                .assertSentence(
                        "Token id 270 at index 0 is outside the vocabulary of 270 tokens: use the tokenizer that was"
                                + " saved with the model.");
    }

    @Test
    void tokensAndTheirNumberAreTwoThings() {
        Cli.Result result = Cli.run("tokenizer", "encode", "--tokenizer", "none", "--text", "a", "--tokens", "--count");

        assertEquals(2, result.exitCode());
        assertTrue(result.err().startsWith("minigpt: --tokens and --count are given: leave one out."), result.err());
    }
}
