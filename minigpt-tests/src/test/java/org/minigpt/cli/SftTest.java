package org.minigpt.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.chat.ChatTemplate;
import org.minigpt.io.ModelFolder;
import org.minigpt.io.ModelFolder.SavedModel;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.text.CharTokenizer;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.bpe.BpeTokenizer;
import org.minigpt.text.bpe.BpeTrainer;

/** {@code minigpt sft}, and what chat and eval make of its model. */
class SftTest {
    private static final String PAIR = "{\"messages\":[{\"role\":\"user\",\"content\":\"%s\"},"
            + "{\"role\":\"assistant\",\"content\":\"%s\"}]}\n";

    @TempDir
    private Path dir;

    private Path base;
    private Path chat;
    private Path data;

    @BeforeEach
    void makeBase() throws Exception {
        base = dir.resolve("base");
        chat = dir.resolve("chat");
        data = dir.resolve("c.jsonl");
        save(BpeTrainer.of("any text").train(256));
        Files.writeString(data, (PAIR.formatted("ab", "ba") + PAIR.formatted("xy", "yx")).repeat(10));
    }

    private void save(Tokenizer tokenizer) {
        GptConfig config = GptConfig.builder()
                .vocabSize(tokenizer.vocabSize())
                .blockSize(64)
                .nLayer(1)
                .nHead(2)
                .nEmbd(32)
                .tiedHead(false)
                .build();
        ModelFolder.save(base, Gpt.create(config, 1), tokenizer);
    }

    private Cli.Result sft(Object... more) {
        return Cli.run(
                List.of("sft", "--init-from", base, "--data", data, "--out-dir", chat),
                Map.of("--max-iters", 20, "--eval-interval", 10, "--eval-iters", 0, "--sample-tokens", 4),
                more);
    }

    @Test
    void aModelLearnsToAnswer() throws Exception {
        String out = sft("--max-iters", 120, "--eval-interval", 60, "--learning-rate", "3e-3")
                .assertDone()
                .out();
        // 22 bytes or tokens each but for the last: 1+4+1+2+1+1, 1+9+1+2+1
        assertTrue(out.contains("answers   20 texts in "), out);
        assertTrue(out.contains("60 tokens are learnt"), out);
        assertTrue(out.contains("Talk to it: minigpt chat --model " + chat), out);

        SavedModel saved = ModelFolder.load(chat);
        BpeTokenizer tokenizer = (BpeTokenizer) saved.tokenizer();
        assertEquals(258, tokenizer.vocabSize());
        int end = tokenizer.specialTokens().get("<|im_end|>");
        assertEquals(end, saved.gpt().eosTokenIds().get(0));
        assertEquals(
                ChatTemplate.chatMl().source(), ModelFolder.chatTemplate(chat).orElseThrow());

        String said = Cli.runWith("ab\n/reset\nxy\n/show\n".getBytes(UTF_8), "chat", "--model", chat, "--greedy")
                .assertDone()
                .out();
        assertEquals("ba\nyx\nuser: xy\nassistant: yx\n", said);

        double loss = evaluated(chat);
        assertTrue(loss < 0.1, () -> "loss " + loss);
        assertTrue(evaluated(base) > 3);
    }

    private double evaluated(Path model) {
        String out =
                Cli.run("eval", "--model", model, "--data", data).assertDone().out();
        Matcher line = Pattern.compile("validation loss (\\S+) on .*, over all (6|8) tokens of answers;.*\n")
                .matcher(out);
        assertTrue(line.matches(), out);
        return Double.parseDouble(line.group(1));
    }

    @Test
    void aRunGoesOnToTheSameBits() throws Exception {
        sft("--seed", 3).assertDone();
        byte[] whole = Files.readAllBytes(chat.resolve(ModelFolder.WEIGHTS));
        Path first = chat.resolve("checkpoints");
        Path ten;
        try (var list = Files.list(first)) {
            ten = list.filter(path -> path.toString().endsWith("10"))
                    .findFirst()
                    .orElseThrow();
        }
        Cli.run("sft", "--resume", ten, "--out-dir", dir.resolve("again")).assertDone();
        assertArrayEquals(whole, Files.readAllBytes(dir.resolve("again").resolve(ModelFolder.WEIGHTS)));
        assertEquals(ModelFolder.chatTemplate(chat), ModelFolder.chatTemplate(dir.resolve("again")));
        Cli.run("train", "--from-run", chat)
                .assertSentence(chat.resolve("train.properties")
                        + " sets chat-template, which is no option that it can set: take it out, or see minigpt train --help"
                        + " for the names.");
    }

    /** A model of characters gets those of the template; an adapter learns where nothing is new. */
    @Test
    void charactersAndAnAdapter() throws Exception {
        save(CharTokenizer.fromCorpus("abxy"));
        sft("--lora-rank", 2)
                .assertSentence(
                        "the text has U+000A, '<' (U+003C), '>' (U+003E), '_' (U+005F), 'd' (U+0064), 'e' (U+0065), 'i'"
                                + " (U+0069), 'm' (U+006D) and 6 more, which the model of --init-from does not know,"
                                + " and an adapter would leave their rows as they are drawn: train all parameters, without"
                                + " --lora-rank, or take them out of the text");
        sft().assertDone();
        SavedModel saved = ModelFolder.load(chat);
        assertEquals(4 + 14, saved.tokenizer().vocabSize());
        assertTrue(saved.gpt().eosTokenIds().isEmpty());
        Path adapted = dir.resolve("adapted");
        Cli.run(
                        List.of("sft", "--init-from", chat, "--data", data, "--out-dir", adapted),
                        Map.of("--max-iters", 2, "--eval-interval", 2, "--eval-iters", 1, "--sample-tokens", 0),
                        "--lora-rank",
                        2)
                .assertDone();
        assertTrue(Files.exists(adapted.resolve("adapter")));
        assertEquals(ModelFolder.chatTemplate(chat), ModelFolder.chatTemplate(adapted));
    }

    @Test
    void whatIsTooLongIsSaid() throws Exception {
        Files.writeString(
                data,
                PAIR.formatted("ab", "ba".repeat(40))
                        + PAIR.formatted("a".repeat(80), "b")
                        + PAIR.formatted("a", "b")
                        + PAIR.formatted("a", "b"));
        String out = sft("--train-split", 0.75).assertDone().out();
        assertTrue(out.contains("; 1 are longer than a window and lose their ends; 1 are left out, since"), out);
    }

    @Test
    void badInputIsNamed() throws Exception {
        assertEquals(2, Cli.run("sft", "--data", data).exitCode());
        assertTrue(Cli.run("sft", "--data", data).err().contains("--init-from"));
        assertEquals(2, sft("--n-layer", 3).exitCode());
        sft("--chat-template", "none")
                .assertSentence(
                        "There is no chat template none: choose plain, chatml or llama3, or name a file with one"
                                + " in Jinja.");
        Files.writeString(data, PAIR.formatted("a", "b"));
        sft().assertSentence(data + " has 1 conversations, of which a --train-split of 0.9 leaves none to train on: add"
                + " some.");
        Files.writeString(data, PAIR.formatted("a", "b") + "{");
        sft().assertSentence(data + ", line 2 is not valid JSON at column 2: write one conversation a line.");
        Files.writeString(data, "");
        Cli.Result empty = sft();
        assertEquals(1, empty.exitCode());
        assertTrue(empty.err().contains(data + " is empty"), empty.err());
        assertFalse(Files.exists(chat));
        assertFalse(Cli.run("sft", "--help").out().contains("--n-layer"));
    }
}
