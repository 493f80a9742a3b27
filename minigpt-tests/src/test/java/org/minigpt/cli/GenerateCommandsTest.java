package org.minigpt.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.cli.report.Terminal;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.generate.TextGenerator;
import org.minigpt.gguf.GgufFile;
import org.minigpt.io.ModelFolder;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.WeightType;
import org.minigpt.text.CharTokenizer;

/** {@code minigpt sample}, {@code score} and {@code chat} on a model that is as small as can be. */
class GenerateCommandsTest {
    @TempDir
    private static Path dir;

    private static Path model;

    @BeforeAll
    static void train() throws Exception {
        Path text = dir.resolve("text.txt");
        Files.writeString(text, "the cat sat on the mat, and the dog lay on the log. ".repeat(12));
        model = dir.resolve("model");
        Cli.train(text, model).assertDone();
    }

    private static Cli.Result sample(Object... more) {
        List<Object> args = new ArrayList<>(List.of("sample", "--model", model));
        if (!List.of(more).contains("--max-new-tokens")) {
            args.addAll(List.of("--max-new-tokens", 12));
        }
        args.addAll(List.of(more));
        return Cli.run(args.toArray());
    }

    private static String withInput(String text, Object... args) {
        InputStream stdin = System.in;
        System.setIn(new ByteArrayInputStream(text.getBytes(UTF_8)));
        try {
            return Cli.run(args).assertDone().out();
        } finally {
            System.setIn(stdin);
        }
    }

    @Test
    void thePromptComesFromAnArgumentAFileOrTheInput() throws Exception {
        String expected = sample("--prompt", "the ").assertDone().out();
        assertTrue(expected.startsWith("the "), expected);
        Path file = dir.resolve("prompt.txt");
        Files.writeString(file, "the ");
        assertEquals(expected, sample("--prompt-file", file).assertDone().out());
        assertEquals(
                expected, withInput("the ", "sample", "--model", model, "--max-new-tokens", 12, "--prompt-file", "-"));
        sample("--prompt", "a", "--prompt-file", file)
                .assertSentence("--prompt and --prompt-file are given: leave one out.");
    }

    @Test
    void samplesAtOnceAreThoseOneAfterTheOther() {
        String atOnce =
                sample("--num-samples", 3, "--prompt", "the ").assertDone().out();
        String streamed = sample("--num-samples", 3, "--prompt", "the ", "--stream")
                .assertDone()
                .out();
        assertEquals(streamed, atOnce);
        assertEquals(2, atOnce.lines().filter("---------------"::equals).count());
    }

    @Test
    void jsonHasTokensAndLogProbabilities() throws Exception {
        List<String> lines = sample("--num-samples", 2, "--prompt", "the ", "--seed", 4, "--json")
                .assertDone()
                .out()
                .lines()
                .toList();
        assertEquals(2, lines.size());
        String text = sample("--prompt", "the ", "--seed", 5).assertDone().out();
        JsonNode second = new JsonMapper().readTree(lines.get(1));
        assertEquals("the ", second.get("prompt").asText());
        assertEquals(text, "the " + second.get("text").asText() + System.lineSeparator());
        assertEquals(5, second.get("seed").asInt());
        assertEquals("length", second.get("finish_reason").asText());
        assertEquals(12, second.get("tokens").size());
        assertEquals(12, second.get("logprobs").size());
        second.get("logprobs").forEach(value -> assertTrue(value.asDouble() < 0, value::toString));
    }

    /** A GGUF file keeps its types, and a folder is rounded to the same. */
    @Test
    void weightsInFewerBytes() {
        CharTokenizer tokenizer = CharTokenizer.fromCorpus("the cat sat on the mat");
        GptConfig config = GptConfig.builder()
                .vocabSize(tokenizer.vocabSize())
                .blockSize(16)
                .nLayer(1)
                .nEmbd(32)
                .mlp(GptConfig.Mlp.GELU_TANH)
                .bias(GptConfig.Bias.NONE)
                .build();
        Gpt gpt = Gpt.create(config, 3);
        Path file = dir.resolve("small.gguf");
        Path folder = dir.resolve("small");
        GgufFile.write(file, gpt, tokenizer, WeightType.Q4_0, false);
        ModelFolder.save(folder, gpt, tokenizer);
        String written = Cli.run("sample", "--model", file, "--prompt", "the ", "--max-new-tokens", 40)
                .assertDone()
                .out();
        assertEquals(
                written,
                Cli.run("sample", "--model", folder, "--weights", "q4_0", "--prompt", "the ", "--max-new-tokens", 40)
                        .assertDone()
                        .out());
        String exact = Cli.run("score", "--model", folder, "--text", "the cat sat")
                .assertDone()
                .out();
        assertEquals(
                exact,
                Cli.run("score", "--model", folder, "--weights", "f32", "--text", "the cat sat")
                        .assertDone()
                        .out());
        assertNotEquals(
                exact,
                Cli.run("score", "--model", folder, "--weights", "q4_0", "--text", "the cat sat")
                        .assertDone()
                        .out());
        Cli.run("train", "--data", dir.resolve("text.txt"), "--init-from", file, "--out-dir", dir.resolve("none"))
                .assertSentence(
                        file + " is a GGUF file, whose weights may be rounded, and those can't be trained: make a"
                                + " model of F32 of it by minigpt import --format gguf --from " + file + " --out DIR.");
    }

    @Test
    void everyWayToChooseIsTaken() {
        String greedy = sample("--prompt", "the ", "--greedy").assertDone().out();
        for (List<Object> only : List.<List<Object>>of(
                List.of("--top-k", 1),
                List.of("--top-p", 1e-6),
                List.of("--min-p", 1),
                List.of("--temperature", 1e-6))) {
            Object[] args = {"--prompt", "the ", only.get(0), only.get(1)};
            assertEquals(greedy, sample(args).assertDone().out(), only::toString);
        }
        String free = sample("--prompt", "the ").assertDone().out();
        for (List<Object> changing : List.<List<Object>>of(
                List.of("--typical-p", 0.1),
                List.of("--repetition-penalty", 50),
                List.of("--presence-penalty", 50),
                List.of("--no-repeat-ngram", 1),
                List.of("--seed", 2))) {
            Object[] args = {"--prompt", "the ", changing.get(0), changing.get(1)};
            assertFalse(free.equals(sample(args).assertDone().out()), changing::toString);
        }
        char first = free.charAt(4);
        assertEquals(
                "the " + System.lineSeparator(),
                sample("--prompt", "the ", "--stop", first).assertDone().out());
        int id = ModelFolder.load(model).tokenizer().encode(String.valueOf(first))[0];
        String without = sample("--prompt", "the ", "--ban", id).assertDone().out();
        assertEquals(-1, without.indexOf(first, 4), without);
        sample("--window", "halving").assertDone();
        sample("--top-k", 0)
                .assertSentence("top_k is 0 but must be at least 1; 40 is usual, and to keep all tokens leave it out");
    }

    @Test
    void textEndsWhereTheModelEndsIt() throws Exception {
        Path ending = dir.resolve("ending");
        ModelFolder.SavedModel saved = ModelFolder.load(model);
        String free = sample("--prompt", "the ").assertDone().out().strip();
        int third = saved.tokenizer().encode(free.substring(6, 7))[0];
        Gpt gpt = Gpt.builder(saved.gpt().config()).eosTokenIds(List.of(third)).build();
        gpt.flatParameters().assign(saved.gpt().flatParameters());
        ModelFolder.save(ending, gpt, saved.tokenizer());
        String end = free.substring(0, free.indexOf(free.charAt(6), 4));
        Object[] args = {"sample", "--model", ending, "--max-new-tokens", 12, "--prompt", "the "};
        assertEquals(end + System.lineSeparator(), Cli.run(args).assertDone().out());
        assertEquals(
                end + System.lineSeparator(),
                sample("--prompt", "the ", "--stop-token-ids", "0," + third)
                        .assertDone()
                        .out());
        Object[] ignoring = Arrays.copyOf(args, args.length + 1);
        ignoring[args.length] = "--ignore-eos";
        assertEquals(
                sample("--prompt", "the ").assertDone().out(),
                Cli.run(ignoring).assertDone().out());
        assertTrue(Cli.run("info", "--model", ending).assertDone().out().contains("eos_token_id " + third));
        sample("--stop-token-ids", 99)
                .assertSentence("stop_token_ids has 99, but the model's tokens are 0 to "
                        + (saved.tokenizer().vocabSize() - 1) + "; correct it");

        StringBuilder shown = new StringBuilder();
        SamplingOptions options = SamplingOptions.builder().maxNewTokens(12).build();
        TextGenerator texts = new TextGenerator(gpt, saved.tokenizer());
        ChatSession session = new ChatSession(texts, new Talk.OfText(texts), options, shown::append);
        session.accept("");
        String turn = new TextGenerator(gpt, saved.tokenizer()).generate("", options);
        assertTrue(turn.length() < 12 && turn.indexOf(free.charAt(6)) < 0, turn);
        assertEquals(turn + "\n", shown.toString());
    }

    @Test
    void whatEndsWithAStopTextHasNoTokensBeyondIt() throws Exception {
        String free = sample("--prompt", "the ").assertDone().out().strip();
        String stop = free.substring(8, 10);
        String line = sample("--prompt", "the ", "--stop", stop, "--json")
                .assertDone()
                .out();
        JsonNode json = new JsonMapper().readTree(line);
        assertEquals(free.substring(4, free.indexOf(stop, 4)), json.get("text").asText());
        assertEquals("stop", json.get("finish_reason").asText());
        assertEquals(json.get("text").asText().length(), json.get("tokens").size());
        assertEquals(json.get("tokens").size(), json.get("logprobs").size());
    }

    /** The vocabulary has fewer tokens than are asked for, and none may come twice. */
    @Test
    void whatRunsOutOfTokensKeepsItsText() throws Exception {
        int vocabSize = ModelFolder.load(model).tokenizer().vocabSize();
        Object[] args = {"--max-new-tokens", 60, "--prompt", "the ", "--no-repeat-ngram", 1};
        Cli.Result result = sample(args).assertDone();
        assertEquals(vocabSize, result.out().strip().chars().distinct().count(), result.out());
        assertTrue(result.err().contains(SampleCommand.EXHAUSTED), result.err());
        Object[] json = Arrays.copyOf(args, args.length + 1);
        json[args.length] = "--json";
        JsonNode sample = new JsonMapper().readTree(sample(json).assertDone().out());
        assertEquals("exhausted", sample.get("finish_reason").asText());
        assertEquals(vocabSize - 4, sample.get("text").asText().length());
    }

    @Test
    void itSaysWhereTheTimeToTheFirstTokenWent() {
        Matcher times = Pattern.compile("first token after (\\S+) s: (\\S+) start of Java, (\\S+) reading the model,"
                        + " with ND4J, (\\S+) prompt")
                .matcher(sample().assertDone().err());
        assertTrue(times.find());
        double parts = 0;
        for (int i = 2; i <= 4; i++) {
            parts += Double.parseDouble(times.group(i));
        }
        // Each is rounded.
        assertEquals(Double.parseDouble(times.group(1)), parts, 0.021);
    }

    @Test
    void scoreTellsPerplexityAndBits() {
        String out = Cli.run("score", "--model", model, "--text", "the cat", "--tokens")
                .assertDone()
                .out();
        List<String> lines = out.lines().toList();
        assertEquals(7, lines.size());
        Matcher last = Pattern.compile("6 tokens: loss (\\S+), perplexity (\\S+), (\\S+) bits a character")
                .matcher(lines.get(6));
        assertTrue(last.matches(), out);
        double sum = 0;
        for (String line : lines.subList(0, 6)) {
            sum -= Double.parseDouble(line.split(" ")[1]);
        }
        double loss = Double.parseDouble(last.group(1));
        assertEquals(sum / 6, loss, 2e-4);
        assertEquals(Math.exp(loss), Double.parseDouble(last.group(2)), 2e-3);
        // A character is a token here.
        assertEquals(loss / Math.log(2), Double.parseDouble(last.group(3)), 2e-4);
        assertEquals(
                lines.get(6) + System.lineSeparator(), withInput("the cat", "score", "--model", model, "--file", "-"));
        Cli.run("score", "--model", model).assertSentence("there is nothing to score: give --text or --file.");
    }

    @Test
    void aChatIsATextInTurns() throws Exception {
        ModelFolder.SavedModel saved = ModelFolder.load(model);
        StringBuilder shown = new StringBuilder();
        TextGenerator generator = new TextGenerator(saved.gpt(), saved.tokenizer());
        SamplingOptions options = SamplingOptions.builder()
                .maxNewTokens(5)
                .temperature(0.5)
                .bannedIds(0)
                .build();
        // Without new lines in its vocabulary it knows no lines entered: each of them ends with one.
        ChatSession session = new ChatSession(generator, new Talk.OfText(generator), options, shown::append);
        session.accept("");
        String first = generator.generate("", options);
        assertEquals(first + "\n", shown.toString());

        shown.setLength(0);
        session.accept("/show");
        assertEquals(first + "\n", shown.toString());
        session.accept("");
        session.accept("/undo");
        shown.setLength(0);
        session.accept("/show");
        assertEquals(first + "\n", shown.toString());

        Path file = dir.resolve("chat.txt");
        session.accept("/save " + file);
        assertEquals(first, Files.readString(file));

        session.accept("/reset");
        session.accept("/tokens 3");
        session.accept("/greedy");
        shown.setLength(0);
        session.accept("");
        assertEquals(3 + 1, shown.length());

        shown.setLength(0);
        session.accept("/temperature 0");
        session.accept("/top-k x");
        session.accept("/nothing");
        session.accept("XYZ");
        assertEquals(4, shown.toString().lines().count(), shown::toString);
        assertTrue(shown.toString().contains("There is no command /nothing; /help shows those there are."));
        assertFalse(session.over());
        session.accept("/quit");
        assertTrue(session.over());
    }

    @Test
    void everyCommandOfAChatIsCompleted() {
        assertEquals(
                List.of(
                        "/show",
                        "/undo",
                        "/reset",
                        "/tokens",
                        "/temperature",
                        "/top-k",
                        "/top-p",
                        "/seed",
                        "/stop",
                        "/ignore-eos",
                        "/greedy",
                        "/save",
                        "/help",
                        "/quit"),
                ChatSession.commands());
    }

    @Test
    void chatReadsLinesWhereThereIsNoTerminal() {
        assumeFalse(Terminal.isPresent());
        String out = withInput("/help\n\n/quit\nnever read\n", "chat", "--model", model, "--max-new-tokens", 3);
        String help = new Talk.OfConversation(null, null, 0).help();
        assertFalse(out.startsWith(help), out); // without a template it is a text
        int at = out.indexOf(ChatSession.HELP);
        assertTrue(at > 0, out);
        // The turn's three characters and the end of its line.
        assertEquals(at + ChatSession.HELP.length() + 3 + 1, out.length());
    }
}
